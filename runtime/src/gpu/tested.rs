//! Which adapter tests run on.
//!
//! In: the environment. Out: an adapter's place in the list. `ZORRO_DEVICE` names it, by its place or a part of its name; else it is
//! the first, a software adapter too. Where there is none, tests of devices say so and pass, unless `ZORRO_GPU=require`: then a
//! machine that should have one fails. Deliberately not here: what programs run on, which users say.

use super::adapters;
use crate::device::DeviceChoice;

/// The adapter for tests; none where there is none.
///
/// # Panics
///
/// Where there is none and `ZORRO_GPU=require`, or `ZORRO_DEVICE` is no name.
#[must_use]
pub fn tested_adapter() -> Option<usize> {
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
    found
}
