// Sums of values, weighted by the exponentials of scores: those of a block at a time, less the largest so far.

// Below every score.
const LOWEST: f32 = -3.4e38;

struct State {
  query: Rows,
  sum: Rows,
  largest: Each,
  total: Each,
}

fn begin(own: Own, group: Group, head: u32) -> State {
  return State(scaled(own_query(group, own, head), Each(SCALE)), zeros(), Each(LOWEST), Each(0.0));
}

fn score(state: ptr<function, State>, key: Row, bias: Each, is_allowed: Flag) -> Each {
  return select(Each(LOWEST), products((*state).query, key) + bias, is_allowed);
}

// Takes the scores of a block into account before it is gathered.
fn raise(state: ptr<function, State>, largest: Each) {
  let raised = max((*state).largest, largest);
  let factor = exp((*state).largest - raised);
  (*state).largest = raised;
  (*state).total *= factor;
  (*state).sum = scaled((*state).sum, factor);
}

// A block may have nothing for an owner before its first key: weights are left out, for the largest score is none then.
fn weight(state: ptr<function, State>, score: Each, is_allowed: Flag) -> Each {
  let weight = select(Each(0.0), exp(score - (*state).largest), is_allowed);
  (*state).total += weight;
  return weight;
}

fn finish(state: State, own: Own, group: Group, head: u32) {
  let reads_nothing = state.total == Each(0.0);
  keep_result(own, group, head, scaled(state.sum, select(1.0 / state.total, Each(0.0), reads_nothing)));
  keep_statistic(own, group, head, select(state.largest + log(state.total), Each(0.0), reads_nothing));
}
