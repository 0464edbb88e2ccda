use std::fs;
use std::path::Path;

use super::*;

fn range(shape: &[usize]) -> Tensor {
    let numbers: usize = shape.iter().product();
    let values = (0..numbers).map(|value| f32::from(u16::try_from(value).unwrap())).collect();
    Tensor::new(shape.to_vec(), TensorData::F32(values)).unwrap()
}

#[test]
fn files_give_back_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let mut tensors = Tensors::new();
    let all = [
        TensorData::F32(vec![f32::NAN, -0.0]),
        TensorData::F64(vec![1e-300, f64::INFINITY]),
        TensorData::F16(vec![0x3c00, 1]),
        TensorData::Bf16(vec![0x3f80, 0x7fc0]),
        TensorData::I64(vec![i64::MIN, 1]),
        TensorData::I32(vec![-1, 2]),
        TensorData::U32(vec![u32::MAX, 0]),
        TensorData::U8(vec![0, 255]),
        TensorData::Bool(vec![1, 0]),
    ];
    for (at, data) in all.into_iter().enumerate() {
        tensors.insert(at.to_string(), Tensor::new(vec![2, 1], data).unwrap());
    }
    tensors.insert("none", Tensor::new(vec![0, 3], TensorData::F32(vec![])).unwrap());
    tensors.insert("one", Tensor::new(vec![], TensorData::F32(vec![2.0])).unwrap());
    tensors.write(&path).unwrap();
    let again = Tensors::read(&path).unwrap();
    assert_eq!(again.len(), tensors.len());
    for (name, tensor) in again.iter() {
        assert!(tensor.same_bits(tensors.get(name).unwrap()), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
}

#[test]
fn shards_are_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, tensors: &[&str]| {
        let tensors: Tensors = tensors.iter().map(|name| (*name, range(&[2]))).collect();
        tensors.write(&folder.path().join(name)).unwrap();
    };
    write("model-1.safetensors", &["a", "b"]);
    write("model-2.safetensors", &["c"]);
    let path = folder.path().join("model.safetensors.index.json");
    let index = |map: &str| {
        fs::write(&path, format!("{{\"metadata\": {{}}, \"weight_map\": {{{map}}}}}")).unwrap();
        Tensors::read(folder.path())
    };
    let all = "\"a\": \"model-1.safetensors\", \"b\": \"model-1.safetensors\", \"c\": \"model-2.safetensors\"";
    assert_eq!(index(all).unwrap().names().collect::<Vec<_>>(), ["a", "b", "c"]);
    let check = |map: &str, words: &str| {
        let error = index(map).unwrap_err().to_string();
        assert!(error.contains("model") && error.contains(words), "{error}");
    };
    check(&all.replace("\"c\"", "\"d\""), "does not speak of `c`");
    check(&format!("{all}, \"d\": \"model-2.safetensors\""), "`model-2.safetensors` lacks `d`");
    check(&all.replace("model-2", "../model-2"), "is no file beside it");
    check(&all.replace("model-2", "model-3"), "model-3.safetensors");
    check("[", "is no index of .safetensors files");
}

#[test]
fn other_kinds_of_file_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, bytes: &[u8], words: &str| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = Tensors::read(&path).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(name), "{error}");
    };
    check(
        "a.safetensors",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        "git lfs pull",
    );
    check("a.pth", b"PK\x03\x04\0\0\0\0\0\0", "torch.load(");
    check("a.bin", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j", "a.safetensors'");
}

#[test]
fn numbers_are_rounded_to_two_bytes() {
    let check = |value: f32, half: u16, brain: u16| {
        let one = Tensor::new(vec![1], TensorData::F32(vec![value])).unwrap();
        assert_eq!(*one.to_f16().data(), TensorData::F16(vec![half]), "{value}");
        assert_eq!(*one.to_bf16().data(), TensorData::Bf16(vec![brain]), "{value}");
    };
    // Of numpy 2 and of torch 2.15.
    check(1.0, 0x3c00, 0x3f80);
    check(-0.1, 0xae66, 0xbdcd);
    check(65504.0, 0x7bff, 0x4780);
    check(65520.0, 0x7c00, 0x4780);
    check(1e-7, 0x0002, 0x33d7);
    check(6e-5, 0x03ef, 0x387c);
    check(std::f32::consts::PI, 0x4248, 0x4049);
    check(f32::INFINITY, 0x7c00, 0x7f80);
    let whole: Vec<u16> = (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00).collect();
    let all = Tensor::new(vec![whole.len()], TensorData::F16(whole)).unwrap();
    assert!(all.to_f32().to_f16().same_bits(&all));
}

#[test]
fn broken_files_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let tensors: Tensors = [("a", range(&[4]))].into_iter().collect();
    tensors.write(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let check = |bytes: &[u8], wanted: &str| {
        let error = Tensors::from_bytes(Path::new("t.safetensors"), bytes).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error} should say `{wanted}`");
        assert!(error.to_string().contains("t.safetensors"), "{error}");
    };
    check(&[], "only 0 bytes");
    check(&whole[..whole.len() - 1], "cut short");
    check(&whole[..12], "cut short");
    check(&[0xff; 32], "absurd");
    check(&u64::MAX.to_le_bytes(), "absurd");
    check(b"\x02\0\0\0\0\0\0\0[]", "JSON");
    let header = br#"{"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}}"#;
    let mut odd = (header.len() as u64).to_le_bytes().to_vec();
    odd.extend(header);
    odd.extend([0, 0]);
    check(&odd, "`a` has numbers of type I16");
    let missing = Tensors::read(&folder.path().join("none")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read "), "{missing}");
    let nowhere = tensors.write(&folder.path().join("no/such/t.safetensors")).unwrap_err();
    assert!(nowhere.to_string().starts_with("cannot write "), "{nowhere}");
    for length in 0..whole.len() {
        assert!(Tensors::from_bytes(&path, &whole[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn half_precision_is_widened_exactly() {
    let cases: [(u16, f32); 9] = [
        (0x0000, 0.0),
        (0x8000, -0.0),
        (0x3c00, 1.0),
        (0xc000, -2.0),
        (0x7bff, 65504.0),
        (0x0001, 5.960_464_5e-8),
        (0x83ff, -6.097_555e-5),
        (0x0400, 6.103_515_6e-5),
        (0x7c00, f32::INFINITY),
    ];
    for (bits, wanted) in cases {
        let found = TensorData::F16(vec![bits]).to_f32()[0];
        assert_eq!(found.to_bits(), wanted.to_bits(), "{bits:#x}: {found} is not {wanted}");
    }
    assert!(TensorData::F16(vec![0x7e00]).to_f32()[0].is_nan());
    assert_eq!(TensorData::Bf16(vec![0xbf80]).to_f32(), [-1.0]);
}

#[test]
fn cut_and_joined_is_as_before() {
    let tensor = range(&[2, 3, 4]);
    for axis in 0..3 {
        let size = tensor.shape()[axis];
        let parts = [tensor.slice(axis, 0, 1).unwrap(), tensor.slice(axis, 1, size - 1).unwrap()];
        assert_eq!(Tensor::concat(&parts, axis).unwrap(), tensor);
    }
    assert_eq!(tensor.permute(&[2, 0, 1]).unwrap().permute(&[1, 2, 0]).unwrap(), tensor);
    let turned = range(&[2, 3]).permute(&[1, 0]).unwrap();
    assert_eq!(turned.to_f32().data().as_f32().unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(tensor.permute(&[0, 0, 1]), None);
    assert_eq!(tensor.slice(1, 2, 2), None);
    assert_eq!(Tensor::concat(&[range(&[1, 2]), range(&[1, 3])], 0), None);
}

#[test]
fn labels_become_distributions() {
    let labels = Tensor::new(vec![2], TensorData::I64(vec![2, 0])).unwrap();
    let hot = labels.one_hot(3).unwrap();
    assert_eq!(
        (hot.shape(), hot.data().as_f32().unwrap()),
        (&[2, 3][..], &[0., 0., 1., 1., 0., 0.][..])
    );
    assert_eq!(labels.one_hot(2), None);
    assert_eq!(range(&[2]).one_hot(3), None);
}
