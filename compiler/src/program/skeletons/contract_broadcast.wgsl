// A workgroup is a subgroup and has a tile of the result.
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = workgroup.y * workgroups.x + workgroup.x;
  if tile < TILES {
    let places = places_of(tile, lane);
    var sums: Sums;
    for (var k = 0u; k < K; k += STEP) {
      multiply(&sums, places, k);
    }
    keep(sums, tile, lane);
  }
}
