// What is not finite has no literal.
fn bits(word: u32) -> f32 {
  return bitcast<f32>(word);
}
