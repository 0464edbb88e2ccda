//! The only file that knows naga.
//!
//! In: WGSL. Out: whether it is well-formed, what it needs of a device, and the same as SPIR-V, MSL and HLSL. What the writers
//! are told is fixed, so that a shader has the same bytes on every machine: indices are not checked, divisions and loops are
//! made safe, and workgroup memory begins undefined, for skeletons write before they read. Deliberately not here: where the
//! text comes from.

use naga::back::{hlsl as to_hlsl, msl as to_msl, spv as to_spirv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ResourceBinding, ShaderStage, StorageAccess, TypeInner, front};

use super::Shader;

/// The entry point of every shader, and of its SPIR-V.
pub const ENTRY: &str = "main";

/// Where HLSL finds the number of workgroups: register `b0` of this space, three words.
pub const HLSL_WORKGROUPS_SPACE: u8 = 1;

/// A shader that naga has read and found well-formed.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What it says.
    pub module: Module,
    /// What is known of it.
    pub info: ModuleInfo,
}

/// What a shader needs that not every device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// Operations of subgroups. Browsers demand `enable subgroups;` at the head of the text; naga has no such word.
    pub subgroups: bool,
    /// 16-bit floats.
    pub f16: bool,
}

/// A shader for Metal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Msl {
    /// MSL 2.4.
    pub text: String,
    /// The name of the kernel function.
    pub entry: String,
    /// The buffer index behind all bindings: for each of `sized` the bytes that are bound there, a `uint` each.
    pub sizes: u32,
    /// The bindings whose sizes are asked for, in this order; there is no buffer of sizes where there are none.
    pub sized: Vec<u32>,
}

/// A shader for Direct3D 12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hlsl {
    /// HLSL for shader model 6.0, with 16-bit floats 6.2.
    pub text: String,
    /// The name of the entry point.
    pub entry: String,
    /// The register of each binding: `t0` for what is read, `u1` for what is written, `b2` for uniforms; all in space 0.
    pub registers: Vec<String>,
    /// Whether the number of workgroups is read, see [`HLSL_WORKGROUPS_SPACE`].
    pub reads_workgroups: bool,
}

/// Reads and validates a shader.
///
/// # Errors
///
/// What is wrong with it, with its place.
pub fn validate(text: &str) -> Result<Checked, String> {
    let module = front::wgsl::parse_str(text).map_err(|error| error.emit_to_string(text))?;
    let info = validator(Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16)
        .validate(&module)
        .map_err(|error| error.emit_to_string(text))?;
    Ok(Checked { module, info })
}

fn validator(capabilities: Capabilities) -> Validator {
    Validator::new(ValidationFlags::all(), capabilities)
}

impl Shader {
    /// What the shader needs of a device.
    ///
    /// # Errors
    ///
    /// What is wrong with its text, which no program's has.
    pub fn features(&self) -> Result<Features, String> {
        let module = validate(&self.text)?.module;
        // Whatever is well-formed with a capability and not without it needs it.
        let lacks = |capabilities| validator(capabilities).validate(&module).is_err();
        Ok(Features {
            subgroups: lacks(Capabilities::SHADER_FLOAT16),
            f16: lacks(Capabilities::SUBGROUP),
        })
    }

    /// The shader as SPIR-V 1.3, with the entry point [`ENTRY`] and the same bindings.
    ///
    /// # Errors
    ///
    /// What naga cannot translate.
    pub fn spirv(&self) -> Result<Vec<u32>, String> {
        let Checked { module, info } = validate(&self.text)?;
        let options = to_spirv::Options {
            lang_version: (1, 3),
            // Names of the model are worth their bytes, in release builds as in others.
            flags: to_spirv::WriterFlags::DEBUG,
            fake_missing_bindings: false,
            binding_map: bindings(&module)
                .map(|(at, _)| {
                    let target = to_spirv::BindingInfo {
                        descriptor_set: at.group,
                        binding: at.binding,
                        binding_array_size: None,
                    };
                    (at, target)
                })
                .collect(),
            zero_initialize_workgroup_memory: to_spirv::ZeroInitializeWorkgroupMemoryMode::None,
            ..to_spirv::Options::default()
        };
        let entry = to_spirv::PipelineOptions {
            shader_stage: ShaderStage::Compute,
            entry_point: ENTRY.to_owned(),
        };
        to_spirv::write_vec(&module, &info, &options, Some(&entry))
            .map_err(|error| self.not_translated("SPIR-V", &error.to_string()))
    }

    /// The shader for Metal. Bindings are buffer indexes.
    ///
    /// # Errors
    ///
    /// What naga cannot translate.
    pub fn msl(&self) -> Result<Msl, String> {
        let Checked { module, info } = validate(&self.text)?;
        let sizes = bindings(&module).map(|(at, _)| at.binding + 1).max().unwrap_or(0);
        let mut resources = to_msl::EntryPointResources::default();
        for (at, mutable) in bindings(&module) {
            let buffer = Some(slot(at.binding)?);
            let target = to_msl::BindTarget { buffer, mutable, ..to_msl::BindTarget::default() };
            resources.resources.insert(at, target);
        }
        resources.sizes_buffer = Some(slot(sizes)?);
        let options = to_msl::Options {
            lang_version: (2, 4),
            per_entry_point_map: [(ENTRY.to_owned(), resources)].into(),
            fake_missing_bindings: false,
            zero_initialize_workgroup_memory: false,
            ..to_msl::Options::default()
        };
        let failed = |error: String| self.not_translated("MSL", &error);
        let written =
            to_msl::write_string(&module, &info, &options, &to_msl::PipelineOptions::default());
        let (text, names) = written.map_err(|error| failed(error.to_string()))?;
        let entry = names.entry_point_names.into_iter().next().ok_or_else(|| failed(no_entry()))?;
        let entry = entry.map_err(|error| failed(error.to_string()))?;
        Ok(Msl { text, entry, sizes, sized: unsized_bindings(&module) })
    }

    /// The shader for Direct3D 12.
    ///
    /// # Errors
    ///
    /// What naga cannot translate.
    pub fn hlsl(&self) -> Result<Hlsl, String> {
        let Checked { module, info } = validate(&self.text)?;
        let mut registers = Vec::new();
        let mut options = to_hlsl::Options {
            shader_model: to_hlsl::ShaderModel::V6_2,
            fake_missing_bindings: false,
            special_constants_binding: Some(to_hlsl::BindTarget {
                space: HLSL_WORKGROUPS_SPACE,
                ..to_hlsl::BindTarget::default()
            }),
            zero_initialize_workgroup_memory: false,
            ..to_hlsl::Options::default()
        };
        for (at, mutable) in bindings(&module) {
            let target =
                to_hlsl::BindTarget { register: at.binding, ..to_hlsl::BindTarget::default() };
            options.binding_map.insert(at, target);
            let is_uniform = self.storage.len() <= at.binding as usize;
            let kind = if is_uniform {
                'b'
            } else if mutable {
                'u'
            } else {
                't'
            };
            registers.push(format!("{kind}{}", at.binding));
        }
        let failed = |error: String| self.not_translated("HLSL", &error);
        let mut text = String::new();
        let pipeline = to_hlsl::PipelineOptions::default();
        let mut writer = to_hlsl::Writer::new(&mut text, &options, &pipeline);
        let written = writer.write(&module, &info, None);
        let written = written.map_err(|error| failed(error.to_string()))?;
        let entry =
            written.entry_point_names.into_iter().next().ok_or_else(|| failed(no_entry()))?;
        let entry = entry.map_err(|error| failed(error.to_string()))?;
        let reads_workgroups = text.matches("_NagaConstants").count() > 1;
        Ok(Hlsl { text, entry, registers, reads_workgroups })
    }

    fn not_translated(&self, language: &str, error: &str) -> String {
        format!("the shader `{}` cannot be had as {language}: {error}", self.name)
    }
}

fn no_entry() -> String {
    format!("it has no entry point `{ENTRY}`")
}

/// Metal has few buffer indexes.
fn slot(binding: u32) -> Result<u8, String> {
    u8::try_from(binding).map_err(|_| format!("binding {binding} is beyond the last"))
}

/// What a shader binds, and whether it is written.
fn bindings(module: &Module) -> impl Iterator<Item = (ResourceBinding, bool)> {
    module.global_variables.iter().filter_map(|(_, variable)| {
        let written = if let AddressSpace::Storage { access } = variable.space {
            access.contains(StorageAccess::STORE)
        } else {
            false
        };
        variable.binding.map(|at| (at, written))
    })
}

/// Bindings of arrays without a size, in the order of their declaration.
fn unsized_bindings(module: &Module) -> Vec<u32> {
    let globals = module.global_variables.iter().filter(|(_, variable)| {
        let inner = &module.types[variable.ty].inner;
        matches!(inner, TypeInner::Array { size: naga::ArraySize::Dynamic, .. })
    });
    globals.filter_map(|(_, variable)| variable.binding.map(|at| at.binding)).collect()
}
