var<workgroup> terms: array<f32, WORKGROUP>;

// The sum over the lanes of a row, the same for each of them.
fn sum_of_row(term: f32, lane: u32) -> f32 {
  terms[lane] = term;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if lane % LANES < half {
      terms[lane] += terms[lane + half];
    }
    workgroupBarrier();
  }
  let sum = terms[lane - lane % LANES];
  workgroupBarrier();
  return sum;
}

// The largest over the lanes of a row, the same for each of them.
fn max_of_row(term: f32, lane: u32) -> f32 {
  terms[lane] = term;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if lane % LANES < half {
      terms[lane] = max(terms[lane], terms[lane + half]);
    }
    workgroupBarrier();
  }
  let largest = terms[lane - lane % LANES];
  workgroupBarrier();
  return largest;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = ((workgroup.y * workgroups.x + workgroup.x) * WORKGROUP + lane) / LANES;
  // All lanes take part in barriers; those beyond the last row reduce it once more and keep nothing.
  let reduced = reductions(min(row, ROWS - 1u), lane);
  if row < ROWS {
    for (var column = lane % LANES; column < COLUMNS; column += LANES) {
      element(row, column, reduced);
    }
  }
}
