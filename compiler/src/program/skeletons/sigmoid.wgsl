fn sigmoid_of(x: f32) -> f32 {
  let small = exp(-abs(x));
  return select(1.0, small, x < 0.0) / (1.0 + small);
}
