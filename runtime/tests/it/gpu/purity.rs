//! What may not see a modality does not move by a bit on a device either.

use zorro_runtime::Device;

use super::super::purity::check_on;
use super::{gpus, turn};

#[test]
fn models() {
    let _turn = turn();
    for gpu in gpus() {
        let device = Device::Gpu(gpu);
        check_on("zorro_vit", "video", &["video", "audio"], &device);
        check_on("zorro_vit", "audio", &["video", "audio"], &device);
        check_on("trimodal", "caption", &["video", "audio", "caption"], &device);
    }
}
