//! The numbers of a tensor, in the type that their file gives them.
//!
//! In: little-endian bytes, or numbers. Out: the same, converted or reordered. Half precision stays the bits that it
//! is, because nothing here computes with it. Deliberately not here: shapes.

use std::borrow::Cow;

/// Numbers of one type.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Half precision, IEEE 754, as bits.
    F16(Vec<u16>),
    /// The upper half of single precision, as bits.
    Bf16(Vec<u16>),
    /// Signed integers.
    I64(Vec<i64>),
    /// Signed integers.
    I32(Vec<i32>),
    /// Unsigned integers.
    U32(Vec<u32>),
    /// Bytes.
    U8(Vec<u8>),
    /// Truth values, a byte each: 0 or 1.
    Bool(Vec<u8>),
}

/// Evaluates an expression on the vector of whatever type it is.
macro_rules! each {
    ($data:expr, $values:ident => $result:expr) => {
        match $data {
            TensorData::F32($values) => $result,
            TensorData::F64($values) => $result,
            TensorData::F16($values) | TensorData::Bf16($values) => $result,
            TensorData::I64($values) => $result,
            TensorData::I32($values) => $result,
            TensorData::U32($values) => $result,
            TensorData::U8($values) | TensorData::Bool($values) => $result,
        }
    };
}

impl TensorData {
    /// How many numbers.
    #[must_use]
    pub fn len(&self) -> usize {
        each!(self, values => values.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes they take.
    #[must_use]
    pub fn size(&self) -> usize {
        each!(self, values => size_of_val(values.as_slice()))
    }

    /// The numbers, where they are `f32`.
    #[must_use]
    pub fn as_f32(&self) -> Option<&[f32]> {
        if let Self::F32(values) = self { Some(values) } else { None }
    }

    /// All numbers as `f32`, rounded to the nearest where that is needed.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        self.f32s().into_owned()
    }

    /// The same, without a copy where they are `f32`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "rounds")]
    pub(crate) fn f32s(&self) -> Cow<'_, [f32]> {
        Cow::Owned(match self {
            Self::F32(values) => return Cow::Borrowed(values),
            Self::F64(values) => values.iter().map(|value| *value as f32).collect(),
            Self::F16(values) => values.iter().map(|bits| half_to_f32(*bits)).collect(),
            Self::Bf16(values) => {
                values.iter().map(|bits| f32::from_bits(u32::from(*bits) << 16)).collect()
            }
            Self::I64(values) => values.iter().map(|value| *value as f32).collect(),
            Self::I32(values) => values.iter().map(|value| *value as f32).collect(),
            Self::U32(values) => values.iter().map(|value| *value as f32).collect(),
            Self::U8(values) | Self::Bool(values) => {
                values.iter().map(|value| f32::from(*value)).collect()
            }
        })
    }

    /// All numbers in half precision, rounded to the nearest; what is too large for it becomes infinite.
    pub(super) fn to_f16(&self) -> Self {
        if let Self::F16(_) = self {
            return self.clone();
        }
        Self::F16(self.to_f32().into_iter().map(f32_to_half).collect())
    }

    /// All numbers as the upper half of single precision, rounded to the nearest.
    pub(super) fn to_bf16(&self) -> Self {
        if let Self::Bf16(_) = self {
            return self.clone();
        }
        let round = |value: f32| {
            let bits = value.to_bits();
            // Half a step, to even where it is exactly between two; NaN stays NaN.
            let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
            let bits = if value.is_nan() { bits | 0x0040_0000 } else { rounded };
            upper(bits)
        };
        Self::Bf16(self.to_f32().into_iter().map(round).collect())
    }

    /// All numbers as integers; `None` where they are not of an integer type.
    #[must_use]
    pub fn to_integers(&self) -> Option<Vec<i64>> {
        match self {
            Self::I64(values) => Some(values.clone()),
            Self::I32(values) => Some(values.iter().map(|value| i64::from(*value)).collect()),
            Self::U32(values) => Some(values.iter().map(|value| i64::from(*value)).collect()),
            Self::U8(values) | Self::Bool(values) => {
                Some(values.iter().map(|value| i64::from(*value)).collect())
            }
            Self::F32(_) | Self::F64(_) | Self::F16(_) | Self::Bf16(_) => None,
        }
    }

    /// Whether type and every bit agree.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.bytes() == other.bytes()
    }

    /// The numbers at these places, which all exist.
    pub(super) fn gather(&self, places: &[usize]) -> Self {
        fn pick<T: Copy>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().map(|place| values[*place]).collect()
        }
        match self {
            Self::F32(values) => Self::F32(pick(values, places)),
            Self::F64(values) => Self::F64(pick(values, places)),
            Self::F16(values) => Self::F16(pick(values, places)),
            Self::Bf16(values) => Self::Bf16(pick(values, places)),
            Self::I64(values) => Self::I64(pick(values, places)),
            Self::I32(values) => Self::I32(pick(values, places)),
            Self::U32(values) => Self::U32(pick(values, places)),
            Self::U8(values) => Self::U8(pick(values, places)),
            Self::Bool(values) => Self::Bool(pick(values, places)),
        }
    }

    /// Adds the numbers of another one of the same type; `false` where the types differ.
    pub(super) fn append(&mut self, more: &Self) -> bool {
        match (self, more) {
            (Self::F32(values), Self::F32(more)) => values.extend(more),
            (Self::F64(values), Self::F64(more)) => values.extend(more),
            (Self::F16(values), Self::F16(more)) | (Self::Bf16(values), Self::Bf16(more)) => {
                values.extend(more);
            }
            (Self::I64(values), Self::I64(more)) => values.extend(more),
            (Self::I32(values), Self::I32(more)) => values.extend(more),
            (Self::U32(values), Self::U32(more)) => values.extend(more),
            (Self::U8(values), Self::U8(more)) | (Self::Bool(values), Self::Bool(more)) => {
                values.extend(more);
            }
            (
                Self::F32(_)
                | Self::F64(_)
                | Self::F16(_)
                | Self::Bf16(_)
                | Self::I64(_)
                | Self::I32(_)
                | Self::U32(_)
                | Self::U8(_)
                | Self::Bool(_),
                _,
            ) => return false,
        }
        true
    }

    /// Little-endian bytes, without a copy where the machine has them so.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "little") {
            return Cow::Borrowed(each!(self, values => bytemuck::cast_slice(values.as_slice())));
        }
        let bytes =
            each!(self, values => values.iter().flat_map(|value| value.to_le_bytes()).collect());
        Cow::Owned(bytes)
    }
}

/// Little-endian bytes as numbers; a rest that fills no number is left out.
pub(super) fn numbers<T, const N: usize>(bytes: &[u8], make: impl Fn([u8; N]) -> T) -> Vec<T> {
    let chunks = bytes.chunks_exact(N);
    chunks.map(|chunk| make(chunk.try_into().expect("chunks have their length"))).collect()
}

/// The upper sixteen bits.
fn upper(bits: u32) -> u16 {
    let [_, _, low, high] = bits.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Single precision rounded to the nearest half, to even between two.
fn f32_to_half(value: f32) -> u16 {
    let bits = value.to_bits();
    let (sign, size) = (upper(bits) & 0x8000, bits & 0x7fff_ffff);
    let rounded = match size {
        // NaN, then what is nearer to infinity than to the largest half.
        0x7f80_0001.. => 0x7e00_u32,
        0x477f_f000.. => 0x7c00,
        // Normal: the exponent is counted from 15 and not from 127, and 13 bits go.
        0x3880_0000.. => {
            let half = size - (112 << 23);
            (half + 0xfff + (half >> 13 & 1)) >> 13
        }
        // Subnormal: adding a half lets the machine round to units of 2^-24.
        _ => (f32::from_bits(size) + 0.5).to_bits() - 0.5_f32.to_bits(),
    };
    sign | upper(rounded << 16)
}

/// Half precision widened; every value has its `f32`.
fn half_to_f32(bits: u16) -> f32 {
    let bits = u32::from(bits);
    let (sign, exponent, fraction) = ((bits & 0x8000) << 16, (bits >> 10) & 0x1f, bits & 0x3ff);
    match exponent {
        // Subnormal: the fraction counts units of 2^-24, which f32 holds exactly.
        0 => {
            let size =
                f32::from_bits(0x3380_0000) * f32::from(u16::try_from(fraction).unwrap_or(0));
            f32::from_bits(size.to_bits() | sign)
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}
