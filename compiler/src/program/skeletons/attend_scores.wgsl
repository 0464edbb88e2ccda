// The gradient of the score bias: for each head and relative position the sum over all samples and pairs of tokens that are
// so far apart and meet. A workgroup makes one sum; its lanes take queries in turn, in a fixed order.

var<workgroup> sums: array<f32, WORKGROUP>;

// No token.
const NONE: u32 = 0xffffffffu;

// A receiver and what it reads, in one sample.
struct Meeting {
  is_there: bool,
  // Tokens of the receiver.
  queries: u32,
  // The first row of each, and of the receiver in what has receivers and nothing else.
  query: u32,
  key: u32,
  compact: u32,
  // Where the constants have the positions that each query reaches, first and behind the last, and the position of each key.
  reaches: u32,
  places: u32,
  // Where they have sizes.
  shape: u32,
}

fn is_met(meeting: Meeting, query: u32, key: u32) -> bool {
  let place = constants[meeting.places + key];
  let reach = meeting.reaches + 2u * query;
  return constants[reach] <= place && place < constants[reach + 1u];
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = workgroup.y * workgroups.x + workgroup.x;
  if at < HEADS * POSITIONS {
    sums[lane] = sum_of(at / POSITIONS, at % POSITIONS, lane);
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
      if lane < half {
        sums[lane] += sums[lane + half];
      }
      workgroupBarrier();
    }
    if lane == 0u {
      keep(at, sums[0]);
    }
  }
}

// What a lane has of it, sample by sample and pair by pair.
fn sum_of(head: u32, position: u32, lane: u32) -> f32 {
  let bias = bias_at(head * POSITIONS + position);
  var sum = 0.0;
  for (var sample = 0u; sample < BATCH; sample++) {
    var of_sample = 0.0;
    for (var pair = 0u; pair < PAIRS; pair++) {
      let meeting = meeting_of(pair, sample);
      let end = select(0u, meeting.queries, meeting.is_there);
      for (var query = lane; query < end; query += WORKGROUP) {
        let key = key_at(meeting.shape, query, position);
        if key != NONE && is_met(meeting, query, key) {
          let compact = meeting.compact + query;
          let score = score_of(meeting.query + query, meeting.key + key, head) + bias;
          let of_weight = of_weight_of(compact, meeting.key + key, head) - delta_at(compact, head);
          of_sample += exp(score - statistic_at(compact, head)) * of_weight;
        }
      }
    }
    sum += of_sample;
  }
  return sum;
}
