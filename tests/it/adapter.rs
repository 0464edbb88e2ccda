//! The adapter that tests of devices use.
//!
//! In: `ZORRO_DEVICE`, the adapter's place in the list or a part of its name; else it is the first. Out: the device, or none
//! where there is no adapter, which is an error if `ZORRO_GPU=require`. Deliberately not here: tests.

use zorro_runtime::Device;
use zorro_runtime::device::DeviceChoice;
use zorro_runtime::gpu::{Gpu, GpuOptions, adapters};

/// The device of these tests.
pub(crate) fn device() -> Option<Device> {
    let all = adapters();
    let found = match std::env::var("ZORRO_DEVICE") {
        Ok(name) => {
            let choice: DeviceChoice = name.parse().expect("ZORRO_DEVICE names a device");
            choice.of(&all)
        }
        Err(_) => (!all.is_empty()).then_some(0),
    };
    let required = std::env::var("ZORRO_GPU").is_ok_and(|wish| wish == "require");
    assert!(found.is_some() || !required, "no adapter, and ZORRO_GPU=require");
    if found.is_none() {
        eprintln!("skipped: no adapter");
    }
    let open = |index| Gpu::open(index, &GpuOptions::default()).expect("what is listed opens");
    found.map(open).map(Device::Gpu)
}
