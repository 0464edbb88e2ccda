// Owners meet what they visit, block by block, after all lanes have staged some blocks.
fn pass_by(
  state: ptr<function, State>,
  own: Own,
  visit: Visit,
  other: Group,
  reach: Reach,
  end: u32,
  head: u32,
  lane: u32,
  reader: u32,
) {
  for (var staged = visit.first; staged < end; staged += STAGE) {
    stage(other, staged, end, head, lane);
    let staged_end = min(staged + STAGE, end);
    for (var first = staged; first < staged_end; first += BLOCK) {
      meet(state, own, visit, other, reach, Block(first, end, staged, head), reader);
    }
  }
}
