// The frame of an attention: owners visit others, and nothing that the mask forbids.
//
// A workgroup serves a tile: some neighboring owners of one band, in one head and sample, one `Index` of them in each lane.
// It visits ranges of others, block by block. All lanes visit the same, so that they can share rows; an owner that causality
// keeps from some of a block leaves those out.

// Neighboring owners of one band.
struct Tile {
  owner: u32,
  // Positions in the order of the owners' group, and behind the last.
  first: u32,
  end: u32,
  // What they visit, and behind the last.
  visits: u32,
  visits_end: u32,
}

// A range of others.
struct Visit {
  pair: u32,
  // Positions in the order of the others' group, and behind the last.
  first: u32,
  end: u32,
  // Those of them that every owner of the tile meets.
  whole: u32,
  whole_end: u32,
}

// A group of tokens in one sample.
struct Group {
  is_there: bool,
  // Its first row in operands, and in what has the groups of this side and nothing else.
  row: u32,
  compact: u32,
  // Where the constants have the token at each position, the term of its score bias, and for others how far each owner
  // reaches.
  order: u32,
  terms: u32,
  reach: u32,
}

// The owners of a lane.
struct Own {
  is_there: Flag,
  position: Index,
  token: Index,
  term: Index,
}

// The positions of a visit that the owners of a lane meet: the first, and behind the last.
struct Reach {
  first: Index,
  end: Index,
}

// Neighboring others, and the first that is staged.
struct Block {
  first: u32,
  end: u32,
  staged: u32,
  head: u32,
}

fn attend(at: u32, head: u32, sample: u32, lane: u32, reader: u32) {
  let tile = tile_of(at);
  let group = owner_of(tile.owner, sample);
  let own = own_of(tile, group, lane);
  var state = begin(own, group, head);
  let visits_end = select(tile.visits, tile.visits_end, group.is_there);
  for (var at_visit = tile.visits; at_visit < visits_end; at_visit++) {
    let visit = visit_of(at_visit, tile);
    let other = other_of(visit.pair, sample);
    let reach = reach_of(visit, other, own);
    let end = select(visit.first, visit.end, other.is_there);
    for (var staged = visit.first; staged < end; staged += STAGE) {
      stage(other, staged, end, head, lane);
      let staged_end = min(staged + STAGE, end);
      for (var first = staged; first < staged_end; first += BLOCK) {
        meet(&state, own, visit, other, reach, Block(first, end, staged, head), reader);
      }
    }
  }
  finish(state, own, group, head);
}
