// What is no number stays so, whichever of the two it is.
fn larger_of(a: f32, b: f32) -> f32 {
  return select(b, a, (a > b) | (a != a));
}
