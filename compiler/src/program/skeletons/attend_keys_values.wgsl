// The gradients of keys and of values: queries, weighted by the gradients of scores, and cotangents, weighted as values were.

struct State {
  key: Rows,
  value: Rows,
  of_key: Rows,
  of_value: Rows,
}

fn begin(own: Own, group: Group, head: u32) -> State {
  return State(
    scaled(own_key(group, own, head), Each(SCALE)),
    own_value(group, own, head),
    zeros(),
    zeros(),
  );
}

fn weight(state: ptr<function, State>, query: Row, statistic: f32, bias: Each, is_allowed: Flag) -> Each {
  let score = products((*state).key, query) + bias;
  return select(Each(0.0), exp(score - Each(statistic)), is_allowed);
}

fn of_score(state: ptr<function, State>, weight: Each, cotangent: Row, delta: f32, is_allowed: Flag) -> Each {
  let of_weight = products((*state).value, cotangent) - Each(delta);
  return select(Each(0.0), weight * of_weight, is_allowed);
}

fn finish(state: State, own: Own, group: Group, head: u32) {
  keep_keys(own, group, head, scaled(state.of_key, Each(SCALE)));
  keep_values(own, group, head, state.of_value);
}
