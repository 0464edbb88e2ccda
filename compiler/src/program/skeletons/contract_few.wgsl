var<workgroup> terms: array<f32, WORKGROUP * FEW>;

// Lanes share the sums of a tile, each every LANES-th product of them.
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = workgroup.y * workgroups.x + workgroup.x;
  if tile < TILES {
    var sums: Sums;
    for (var k = lane / MANY; k < K; k += LANES) {
      multiply(&sums, tile, lane % MANY, k);
    }
    put(sums, lane);
    workgroupBarrier();
    for (var at = lane; at < MANY * FEW; at += WORKGROUP) {
      var sum = 0.0;
      for (var part = 0u; part < LANES; part++) {
        sum += terms[part * MANY * FEW + at];
      }
      keep(tile, at % FEW, at / FEW, sum);
    }
  }
}
