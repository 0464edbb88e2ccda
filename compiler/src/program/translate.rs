//! The only file that knows naga.
//!
//! In: WGSL. Out: whether it is well-formed, and the same as SPIR-V, MSL and HLSL. Deliberately not here: where the text
//! comes from.

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, front};

/// A shader that naga has read and found well-formed.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What it says.
    pub module: Module,
    /// What is known of it.
    pub info: ModuleInfo,
}

/// Reads and validates a shader.
///
/// # Errors
///
/// What is wrong with it, with its place.
pub fn validate(text: &str) -> Result<Checked, String> {
    let module = front::wgsl::parse_str(text).map_err(|error| error.emit_to_string(text))?;
    let capabilities = Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16;
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    let info = validator.validate(&module).map_err(|error| error.emit_to_string(text))?;
    Ok(Checked { module, info })
}
