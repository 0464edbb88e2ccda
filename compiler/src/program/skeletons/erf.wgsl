// The error function by the polynomials that the processor's executor uses. What is no number goes through the near one.
fn erf_of(x: f32) -> f32 {
  let size = min(abs(x), 3.95);
  let square = x * x;
  var near = 7.853861e-5;
  near = near * square - 0.0008010194;
  near = near * square + 0.005188328;
  near = near * square - 0.026853813;
  near = near * square + 0.112835854;
  near = near * square - 0.37612626;
  near = near * square + 0.12837917;
  var tail = -0.00018557394;
  tail = tail * size + 0.0029396068;
  tail = tail * size - 0.021805316;
  tail = tail * size + 0.103037365;
  tail = tail * size + 0.6382257;
  tail = tail * size + 1.12704;
  tail = tail * size + 0.00035372018;
  let far = 1.0 - exp(-tail);
  return select(near * x + x, select(far, -far, x < 0.0), abs(x) > 1.0);
}
