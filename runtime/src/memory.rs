//! Memory that may not be there.
//!
//! In: how much is wanted. Out: it, or an error: what Rust's vectors do where the system gives no memory is to abort. Deliberately
//! not here: what a system promises and does not have; who then uses it is killed, and nobody here hears of it.

use crate::RuntimeError;

/// Whether the system gives so many bytes at this moment: for what is about to be taken by code that cannot fail.
pub(crate) fn room(bytes: usize, purpose: &str) -> Result<(), RuntimeError> {
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| missing(bytes, purpose))
}

/// Zeros.
pub(crate) fn zeros(numbers: usize, purpose: &str) -> Result<Vec<f32>, RuntimeError> {
    let mut made = empty(numbers, purpose)?;
    made.resize(numbers, 0.0);
    Ok(made)
}

/// A copy.
pub(crate) fn copy(numbers: &[f32], purpose: &str) -> Result<Vec<f32>, RuntimeError> {
    let mut made = empty(numbers.len(), purpose)?;
    made.extend_from_slice(numbers);
    Ok(made)
}

fn empty(numbers: usize, purpose: &str) -> Result<Vec<f32>, RuntimeError> {
    let mut made = Vec::new();
    let bytes = numbers.saturating_mul(size_of::<f32>());
    made.try_reserve_exact(numbers).map_err(|_| missing(bytes, purpose))?;
    Ok(made)
}

fn missing(bytes: usize, purpose: &str) -> RuntimeError {
    RuntimeError::Memory { purpose: purpose.to_owned(), bytes }
}

#[cfg(test)]
mod tests {
    use super::{copy, room, zeros};

    #[test]
    fn more_than_there_can_be() {
        assert!(room(1 << 20, "a test").is_ok());
        for error in [
            room(usize::MAX, "a test").expect_err("no machine has it"),
            zeros(usize::MAX / 4, "a test").expect_err("no machine has it"),
        ] {
            assert!(error.to_string().contains("not enough memory for a test"), "{error}");
        }
        assert_eq!(copy(&[1.0, 2.0], "a test"), Ok(vec![1.0, 2.0]));
    }
}
