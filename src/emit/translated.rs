//! Shaders in the languages that are wanted.
//!
//! In: a program. Out: a file for each shader and language, and what the manifest says of each shader. Deliberately not here:
//! the languages, which the compiler translates to.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use zorro_compiler::program::{ENTRY, Features, HLSL_WORKGROUPS_SPACE, Shader};

use super::{EmittedFile, Emitter, Form};

/// The longest name of a file, without its ending: file systems end at 255 bytes.
const LONGEST: usize = 120;

/// Names that mean devices on Windows, whatever their ending.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt"];

impl Emitter<'_> {
    pub(super) fn translated(
        &self,
        forms: &[Form],
        files: &mut Vec<EmittedFile>,
    ) -> Result<Value, String> {
        let mut taken = BTreeSet::new();
        let shaders = self.made.program.shaders.iter().map(|shader| {
            let name = file_name(&shader.name, &mut taken);
            self.shader(shader, &name, forms, files)
        });
        shaders.collect()
    }

    fn shader(
        &self,
        shader: &Shader,
        name: &str,
        forms: &[Form],
        files: &mut Vec<EmittedFile>,
    ) -> Result<Value, String> {
        let features = shader.features()?;
        let mut listed = Map::new();
        let mut add = |key: &str, ending: &str, bytes: Vec<u8>, more: Value| {
            let file = format!("{name}.{ending}");
            let mut entry = Map::new();
            entry.insert("file".to_owned(), json!(file));
            if let Value::Object(more) = more {
                entry.extend(more);
            }
            listed.insert(key.to_owned(), Value::Object(entry));
            files.push(EmittedFile { name: file, bytes });
        };
        if forms.contains(&Form::Wgsl) {
            add("wgsl", "wgsl", wgsl(shader, features).into_bytes(), json!({ "entry": ENTRY }));
        }
        if forms.contains(&Form::Spirv) {
            let bytes = shader.spirv()?.into_iter().flat_map(u32::to_le_bytes).collect();
            add("spirv", "spv", bytes, json!({ "entry": ENTRY, "version": "1.3" }));
        }
        if forms.contains(&Form::Msl) {
            let msl = shader.msl()?;
            let sizes = if msl.sized.is_empty() {
                Value::Null
            } else {
                json!({ "buffer": msl.sizes, "bindings": msl.sized })
            };
            let more = json!({ "entry": msl.entry, "version": "2.4", "sizes": sizes });
            add("msl", "metal", msl.text.into_bytes(), more);
        }
        if forms.contains(&Form::Hlsl) {
            let hlsl = shader.hlsl()?;
            let workgroups =
                hlsl.reads_workgroups.then(|| format!("b0, space{HLSL_WORKGROUPS_SPACE}"));
            let more = json!({
                "entry": hlsl.entry,
                "shader_model": "6.2",
                "registers": hlsl.registers,
                "workgroups": workgroups,
            });
            add("hlsl", "hlsl", hlsl.text.into_bytes(), more);
        }
        Ok(described(shader, features, Value::Object(listed)))
    }
}

fn described(shader: &Shader, features: Features, files: Value) -> Value {
    let Features { subgroups, f16 } = features;
    let needs = [("subgroups", subgroups), ("f16", f16)];
    let needs: Vec<&str> = needs.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    let storage = shader.storage.iter().enumerate().map(|(binding, storage)| {
        let access = if storage.writable { "read_write" } else { "read" };
        json!({ "binding": binding, "name": storage.name, "access": access })
    });
    let behind = shader.storage.len();
    let has_arguments = shader.argument_words > 0;
    let arguments =
        has_arguments.then(|| json!({ "binding": behind, "words": shader.argument_words }));
    let step = shader.reads_step.then(|| json!({ "binding": behind + usize::from(has_arguments) }));
    json!({
        "name": shader.name,
        "files": files,
        "workgroup": shader.workgroup,
        "features": needs,
        "storage": storage.collect::<Value>(),
        "arguments": arguments,
        "step": step,
    })
}

/// The text as browsers want it.
fn wgsl(shader: &Shader, features: Features) -> String {
    let enable = if features.subgroups { "enable subgroups;\n" } else { "" };
    format!("{enable}{}\n", shader.text.trim_end())
}

/// A file's name that no other shader has, on file systems that do not tell `A` from `a` either.
fn file_name(shader: &str, taken: &mut BTreeSet<String>) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String =
        shader.chars().map(|c| if allowed(c) { c } else { '_' }).take(LONGEST).collect();
    let name = name.trim_matches('.');
    let device =
        name.split('.').next().unwrap_or("").trim_end_matches(|c: char| c.is_ascii_digit());
    let is_device = DEVICES.contains(&&*device.to_ascii_lowercase());
    let name =
        if name.is_empty() || is_device { format!("shader_{name}") } else { name.to_owned() };
    let numbered = (2..).map(|at| format!("{name}_{at}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| taken.insert(name.to_ascii_lowercase())).expect("numbers do not end")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::file_name;

    #[test]
    fn names_of_files() {
        let mut taken = BTreeSet::new();
        let mut check = |shader: &str, expected: &str| {
            assert_eq!(file_name(shader, &mut taken), expected);
        };
        check("layers.0.attend.q", "layers.0.attend.q");
        check("Layers.0.attend.q", "Layers.0.attend.q_2");
        check("aux.norm", "shader_aux.norm");
        check("com1", "shader_com1");
        check("auxiliary", "auxiliary");
        check("..", "shader_");
        check("a/b", "a_b");
        check(&"n".repeat(500), &"n".repeat(120));
    }
}
