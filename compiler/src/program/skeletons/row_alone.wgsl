fn sum_of_row(term: f32, lane: u32) -> f32 {
  return term;
}

fn max_of_row(term: f32, lane: u32) -> f32 {
  return term;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (workgroup.y * workgroups.x + workgroup.x) * WORKGROUP + lane;
  if row < ROWS {
    let reduced = reductions(row, 0u);
    for (var column = 0u; column < COLUMNS; column++) {
      element(row, column, reduced);
    }
  }
}
