//! Depth costs kernels, but no bodies.

