//! The device that tests run on, if there is one.

use zorro_runtime::Device;
use zorro_runtime::gpu::{Gpu, GpuOptions, tested_adapter};

/// See [`tested_adapter`].
pub(crate) fn device() -> Option<Device> {
    let open = |index| Gpu::open(index, &GpuOptions::default()).expect("what is listed opens");
    tested_adapter().map(open).map(Device::Gpu)
}
