//! The models that users start from, at small sizes.

