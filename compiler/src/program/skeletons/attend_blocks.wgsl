// Owners meet what they visit, block by block. Loops in loops would cost copies of all that lanes keep.
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
  for (var first = visit.first; first < end; first += BLOCK) {
    meet(state, own, visit, other, reach, Block(first, end, first, head), reader);
  }
}
