// A workgroup has a tile of the result, or of a part of its sums.
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = workgroup.y * workgroups.x + workgroup.x;
  if at < TILES_M * TILES_N * PARTS {
    let tile = at / PARTS;
    let part = at % PARTS;
    let first_row = tile / TILES_N * TILE_M;
    let first_column = tile % TILES_N * TILE_N;
    let lane_m = lane / LANES_N;
    let lane_n = lane % LANES_N;
    let end = min((part + 1u) * PART, K);
    var sums: Sums;
    for (var first_k = part * PART; first_k < end; first_k += TILE_K) {
      fill_a(first_row, first_k, end, lane);
      fill_b(first_column, first_k, end, lane);
      workgroupBarrier();
      for (var k = 0u; k < TILE_K; k++) {
        multiply(&sums, lane_m, lane_n, k);
      }
      workgroupBarrier();
    }
    keep(sums, part, first_row, first_column, lane_m, lane_n);
  }
}
