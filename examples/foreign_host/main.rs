//! A host that knows nothing of zorro: it runs what `zorro compile` has written, by the manifest alone.
//!
//! In: the folder, and tensors as .safetensors: weights, and modalities and targets by name. Out: outputs, losses and
//! gradients. It is what a host in another language would be, in as few lines; docs/compile.md explains each step.
//! Deliberately not here: presence of single samples (each sample has whatever is in the file), checks of what is fed, speed.
//!
//! `cargo run --example foreign_host -- out weights.safetensors in.safetensors`

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde_json::Value;
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindGroupLayoutDescriptor,
    BindGroupLayoutEntry, BindingResource, BindingType, Buffer, BufferBinding, BufferBindingType,
    BufferUsages, ComputePipeline, ComputePipelineDescriptor, Device, Features,
    PipelineLayoutDescriptor, Queue, ShaderModuleDescriptor, ShaderSource, ShaderStages,
};

/// Little-endian words of four bytes: numbers or integers.
type Words = Vec<u8>;

/// By name, the bytes of tensors.
type Tensors = BTreeMap<String, Words>;

/// Runs one step of the compiled model in a folder. Outputs are called by their names, losses `loss.NAME`, gradients
/// `gradient.NAME`. `None` where there is no adapter that has what the shaders need.
fn run(folder: &Path, weights: &Tensors, fed: &Tensors) -> Option<Tensors> {
    let text = fs::read_to_string(folder.join("manifest.json")).expect("the manifest is there");
    let manifest: Value = serde_json::from_str(&text).expect("the manifest is JSON");
    assert_eq!(manifest["version"], 1, "a manifest of another version");
    let (device, queue) = open(&manifest)?;
    let buffers = buffers(&device, &manifest, folder, weights, fed);
    let step = step(&manifest, fed);
    let step = uniform(&device, &step);
    let pipelines: Vec<ComputePipeline> =
        list(&manifest["shaders"]).map(|shader| pipeline(&device, folder, shader)).collect();
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    for dispatch in list(&manifest["dispatches"]) {
        let at = number(&dispatch["shader"]);
        let group =
            group(&device, &manifest["shaders"][at], dispatch, &pipelines[at], &buffers, &step);
        pass.set_pipeline(&pipelines[at]);
        pass.set_bind_group(0, &group, &[]);
        let size = |axis: usize| number(&dispatch["workgroups"][axis]) as u32;
        pass.dispatch_workgroups(size(0), size(1), size(2));
    }
    drop(pass);
    queue.submit([encoder.finish()]);
    let mut results = Tensors::new();
    let mut read = |name: String, place: &Value| {
        results.insert(name, bytes_of(&device, &queue, &buffers, place));
    };
    for output in list(&manifest["outputs"]) {
        read(word(&output["name"]).to_owned(), output);
    }
    for loss in list(&manifest["losses"]) {
        read(format!("loss.{}", word(&loss["name"])), loss);
    }
    for gradient in list(&manifest["input_gradients"]) {
        read(format!("gradient.{}", word(&gradient["name"])), gradient);
    }
    for weight in list(&manifest["weights"]).filter(|weight| !weight["gradient"].is_null()) {
        read(format!("gradient.{}", word(&weight["name"])), &weight["gradient"]);
    }
    // A step of training leaves new weights where the old ones were.
    for weight in list(&manifest["weights"]).filter(|weight| weight["updated"] == true) {
        read(word(&weight["name"]).to_owned(), weight);
    }
    Some(results)
}

/// The first adapter, with all that it has.
fn open(manifest: &Value) -> Option<(Device, Queue)> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = now(instance.request_adapter(&Default::default())).ok()?;
    let mut features = Features::empty();
    for shader in list(&manifest["shaders"]) {
        for feature in list(&shader["features"]) {
            features |= match word(feature) {
                "subgroups" => Features::SUBGROUP,
                "f16" => Features::SHADER_F16,
                other => panic!("unknown feature {other}"),
            };
        }
    }
    let required_limits = adapter.limits();
    let described = wgpu::DeviceDescriptor {
        required_features: features,
        required_limits,
        ..Default::default()
    };
    adapter
        .features()
        .contains(features)
        .then(|| now(adapter.request_device(&described)).expect("the adapter gives what it has"))
}

/// Native adapters answer at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a native adapter answers at once"),
    }
}

/// All buffers by name, filled with what they begin with.
fn buffers(
    device: &Device,
    manifest: &Value,
    folder: &Path,
    weights: &Tensors,
    fed: &Tensors,
) -> BTreeMap<String, Buffer> {
    let mut contents: BTreeMap<&str, Words> = BTreeMap::new();
    for buffer in list(&manifest["buffers"]) {
        let mut bytes = vec![0; number(&buffer["bytes"])];
        let begins = &buffer["begins"];
        match word(&begins["with"]) {
            "file" => {
                let all =
                    fs::read(folder.join(word(&begins["file"]))).expect("the tables are there");
                let (offset, size) = (number(&begins["offset"]), number(&begins["bytes"]));
                bytes[..size].copy_from_slice(&all[offset..offset + size]);
            }
            "number" => {
                let number = begins["number"].as_f64().expect("a number") as f32;
                bytes[..4].copy_from_slice(&number.to_le_bytes());
            }
            // What is fed and the weights follow below.
            "inputs" | "weights" | "zeros" | "anything" => {}
            other => panic!("buffers begin with {other}"),
        }
        contents.insert(word(&buffer["name"]), bytes);
    }
    let mut put = |place: &Value, bytes: &[u8]| {
        assert_eq!(bytes.len(), number(&place["bytes"]), "{}", place["name"]);
        let offset = number(&place["offset"]);
        let buffer = contents.get_mut(word(&place["buffer"])).expect("places are in buffers");
        buffer[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    for weight in list(&manifest["weights"]) {
        let name = word(&weight["name"]);
        put(weight, weights.get(name).unwrap_or_else(|| panic!("no weight {name}")));
    }
    for input in list(&manifest["inputs"]) {
        // What is not fed is zeros, and no sample has it.
        let Some(bytes) = fed.get(word(&input["name"])) else { continue };
        match word(&input["kind"]) {
            "modality" | "ids" | "target" => put(input, bytes),
            "id_order" => put(input, &order(bytes)),
            "id_starts" => put(input, &starts(bytes, number(&input["bytes"]) / 4)),
            other => panic!("this host feeds no {other}"),
        }
    }
    let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
    let make = |(name, bytes): (&str, Words)| {
        let label = Some(name);
        let made =
            device.create_buffer_init(&BufferInitDescriptor { label, contents: &bytes, usage });
        (name.to_owned(), made)
    };
    contents.into_iter().map(make).collect()
}

/// The positions of ids in the order of the ids.
fn order(ids: &[u8]) -> Words {
    let ids = words(ids);
    let mut order: Vec<u32> = (0..).take(ids.len()).collect();
    order.sort_by_key(|at| ids[*at as usize]);
    order.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// For each id, and one behind the last, how many are smaller.
fn starts(ids: &[u8], n: usize) -> Words {
    let ids = words(ids);
    let smaller = |id: u32| ids.iter().filter(|other| **other < id).count() as u32;
    (0..n as u32).flat_map(|id| smaller(id).to_le_bytes()).collect()
}

/// The block of the step: the seed and the rates of this host, and who has what.
fn step(manifest: &Value, fed: &Tensors) -> Words {
    let described = &manifest["step"];
    let mut block = vec![0_u32; number(&described["bytes"]) / 4];
    for word_of in list(&described["words"]) {
        block[number(&word_of["word"])] = match word(&word_of["name"]) {
            "learning_rate" => 0.01_f32.to_bits(),
            // 1 - 0.9 and 1 - 0.999: the first step of AdamW.
            "first_correction" => 0.1_f32.to_bits(),
            "second_correction" => 0.001_f32.to_bits(),
            // One batch makes a step.
            "updates" => 1.0_f32.to_bits(),
            _seed_and_first_sample => 0,
        };
    }
    let batch = number(&manifest["batch"]);
    let first = number(&described["present"]["first_word"]);
    let has = |name: &Value| fed.contains_key(word(name));
    for (at, condition) in list(&described["present"]["conditions"]).enumerate() {
        let holds = list(&condition["any_of"]).any(|set| list(set).all(has))
            && list(&condition["targets"]).all(has);
        for bit in at * batch..(at + 1) * batch {
            block[first + bit / 32] |= u32::from(holds) << (bit % 32);
        }
    }
    block.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn pipeline(device: &Device, folder: &Path, shader: &Value) -> ComputePipeline {
    let file = &shader["files"]["wgsl"];
    let text = fs::read_to_string(folder.join(word(&file["file"]))).expect("the shader is there");
    // A word that browsers demand and wgpu does not know.
    let text = text.replacen("enable subgroups;\n", "", 1);
    let label = shader["name"].as_str();
    let source = ShaderSource::Wgsl(text.into());
    let module = device.create_shader_module(ShaderModuleDescriptor { label, source });
    let mut entries = Vec::new();
    for storage in list(&shader["storage"]) {
        let read_only = storage["access"] == "read";
        entries.push(entry(&storage["binding"], BufferBindingType::Storage { read_only }));
    }
    for uniform in [&shader["arguments"], &shader["step"]] {
        if !uniform.is_null() {
            entries.push(entry(&uniform["binding"], BufferBindingType::Uniform));
        }
    }
    let described = BindGroupLayoutDescriptor { label, entries: &entries };
    let group = device.create_bind_group_layout(&described);
    let bind_group_layouts = &[Some(&group)];
    let described = PipelineLayoutDescriptor { label, bind_group_layouts, immediate_size: 0 };
    device.create_compute_pipeline(&ComputePipelineDescriptor {
        label,
        layout: Some(&device.create_pipeline_layout(&described)),
        module: &module,
        entry_point: file["entry"].as_str(),
        compilation_options: Default::default(),
        cache: None,
    })
}

fn entry(binding: &Value, ty: BufferBindingType) -> BindGroupLayoutEntry {
    BindGroupLayoutEntry {
        binding: number(binding) as u32,
        visibility: ShaderStages::COMPUTE,
        ty: BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

fn group(
    device: &Device,
    shader: &Value,
    dispatch: &Value,
    pipeline: &ComputePipeline,
    buffers: &BTreeMap<String, Buffer>,
    step: &Buffer,
) -> BindGroup {
    let arguments: Vec<u8> =
        list(&dispatch["arguments"]).flat_map(|word| (number(word) as u32).to_le_bytes()).collect();
    let arguments = (!arguments.is_empty()).then(|| uniform(device, &arguments));
    let mut entries = Vec::new();
    for (storage, place) in list(&shader["storage"]).zip(list(&dispatch["bindings"])) {
        let bound = BufferBinding {
            buffer: &buffers[word(&place["buffer"])],
            offset: number(&place["offset"]) as u64,
            size: std::num::NonZero::new(number(&place["bytes"]) as u64),
        };
        let binding = number(&storage["binding"]) as u32;
        entries.push(BindGroupEntry { binding, resource: BindingResource::Buffer(bound) });
    }
    if let Some(arguments) = &arguments {
        let binding = number(&shader["arguments"]["binding"]) as u32;
        entries.push(BindGroupEntry { binding, resource: arguments.as_entire_binding() });
    }
    if !shader["step"].is_null() {
        let binding = number(&shader["step"]["binding"]) as u32;
        entries.push(BindGroupEntry { binding, resource: step.as_entire_binding() });
    }
    let layout = &pipeline.get_bind_group_layout(0);
    device.create_bind_group(&BindGroupDescriptor { label: None, layout, entries: &entries })
}

fn uniform(device: &Device, contents: &[u8]) -> Buffer {
    let mut contents = contents.to_vec();
    contents.resize(contents.len().next_multiple_of(16), 0);
    let usage = BufferUsages::UNIFORM;
    device.create_buffer_init(&BufferInitDescriptor { label: None, contents: &contents, usage })
}

/// What lies at a place when all is done.
fn bytes_of(
    device: &Device,
    queue: &Queue,
    buffers: &BTreeMap<String, Buffer>,
    place: &Value,
) -> Words {
    let size = number(&place["bytes"]) as u64;
    let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
    let described = wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
    let staging = device.create_buffer(&described);
    let mut encoder = device.create_command_encoder(&Default::default());
    let source = &buffers[word(&place["buffer"])];
    encoder.copy_buffer_to_buffer(source, number(&place["offset"]) as u64, &staging, 0, size);
    queue.submit([encoder.finish()]);
    staging.slice(..).map_async(wgpu::MapMode::Read, |mapped| mapped.expect("it can be read"));
    device.poll(wgpu::PollType::wait_indefinitely()).expect("the device ends");
    let view = staging.slice(..).get_mapped_range().expect("it is mapped");
    view.to_vec()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn word(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a number")).expect("it fits")
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let word = |four: &[u8]| u32::from_le_bytes(four.try_into().expect("four bytes"));
    bytes.chunks_exact(4).map(word).collect()
}

/// The tensors of a .safetensors file: a length, a header of JSON, and bytes. Integers of eight bytes become four.
fn read(path: &Path) -> Tensors {
    let bytes = fs::read(path).expect("the file is there");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header of JSON");
    let tensors = header.as_object().expect("tensors by name").iter();
    let tensors = tensors.filter(|(name, _)| *name != "__metadata__");
    let tensor = |(name, described): (&String, &Value)| {
        let offset = |at: usize| 8 + length + number(&described["data_offsets"][at]);
        let own = &bytes[offset(0)..offset(1)];
        let own = match word(&described["dtype"]) {
            "F32" | "I32" | "U32" => own.to_vec(),
            "I64" | "U64" => own.chunks_exact(8).flat_map(|eight| eight[..4].to_vec()).collect(),
            other => panic!("`{name}` holds {other}"),
        };
        (name.clone(), own)
    };
    tensors.map(tensor).collect()
}

#[expect(clippy::print_stdout, reason = "what an example is for")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, weights, inputs] = &arguments[..] else {
        panic!("foreign_host FOLDER WEIGHTS.safetensors INPUTS.safetensors")
    };
    let results = run(folder.as_ref(), &read(weights.as_ref()), &read(inputs.as_ref()));
    for (name, bytes) in results.expect("there is an adapter") {
        let numbers: Vec<f32> = words(&bytes).into_iter().map(f32::from_bits).collect();
        println!(
            "{name}: {:?}{}",
            &numbers[..numbers.len().min(8)],
            if numbers.len() > 8 { " .." } else { "" }
        );
    }
}
