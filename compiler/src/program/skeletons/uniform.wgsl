// The two halves of a product: low, high.
fn product(a: u32, b: u32) -> vec2<u32> {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return vec2<u32>((second << 16u) | (low & 0xffffu), (a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u));
}

// Philox4x32-10 (Salmon et al., 2011).
fn philox(counter: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
  var state = counter;
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let first = product(0xd2511f53u, state.x);
    let second = product(0xcd9e8d57u, state.z);
    state = vec4<u32>(second.y ^ state.y ^ key.x, second.x, first.y ^ state.w ^ key.y, first.x);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return state;
}

// A number in [0, 1) for a channel of a token of a sample of the batch, at a site.
fn uniform_of(site: u32, sample: u32, token: u32, channel: u32) -> f32 {
  let counter = vec4<u32>(step.first_sample + sample, site, token, channel / 4u);
  return f32(philox(counter, step.seed)[channel % 4u] >> 8u) * (1.0 / 16777216.0);
}
