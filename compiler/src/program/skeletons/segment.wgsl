// Where the constants have the segment of a row: the last of so many that begins at the row or before. Each has its first row, its
// tokens, 1 and the bit that says which samples have it or 0 for all, and what tells its random numbers from others.
fn segment_of(row: u32, first: u32, count: u32) -> u32 {
  var low = 0u;
  var high = count;
  while high - low > 1u {
    let middle = (low + high) / 2u;
    if constants[first + middle * 4u] <= row {
      low = middle;
    } else {
      high = middle;
    }
  }
  return first + low * 4u;
}
