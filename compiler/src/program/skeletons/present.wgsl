// Whether a condition holds for a sample.
fn is_present(bit: u32) -> bool {
  return ((step.present[bit / 128u][bit / 32u % 4u] >> (bit % 32u)) & 1u) == 1u;
}
