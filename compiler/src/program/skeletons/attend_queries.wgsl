// The gradient of queries: keys, weighted by the gradients of scores.

struct State {
  query: Rows,
  cotangent: Rows,
  statistic: Each,
  delta: Each,
  of_query: Rows,
}

fn begin(own: Own, group: Group, head: u32) -> State {
  return State(
    scaled(own_query(group, own, head), Each(SCALE)),
    own_cotangent(group, own, head),
    own_statistic(group, own, head),
    own_delta(group, own, head),
    zeros(),
  );
}

fn of_score(state: ptr<function, State>, key: Row, value: Row, bias: Each, is_allowed: Flag) -> Each {
  let weight = exp(products((*state).query, key) + bias - (*state).statistic);
  let of_weight = products((*state).cotangent, value) - (*state).delta;
  return select(Each(0.0), weight * of_weight, is_allowed);
}

fn finish(state: State, own: Own, group: Group, head: u32) {
  keep_queries(own, group, head, scaled(state.of_query, Each(SCALE)));
}
