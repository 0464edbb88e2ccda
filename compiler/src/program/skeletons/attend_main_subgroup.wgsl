// A workgroup is one subgroup.
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_invocation_id) lane_of_subgroup: u32,
) {
  let at = workgroup.y * workgroups.x + workgroup.x;
  if at < TILES * HEADS * BATCH {
    attend(at % TILES, at / TILES % HEADS, at / (TILES * HEADS), lane, lane_of_subgroup);
  }
}
