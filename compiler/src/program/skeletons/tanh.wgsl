// Near 0 a polynomial (Cephes, tanhf), for a difference of powers would cancel there; what is no number goes through it, too. From
// 10 on it is 1.
fn tanh_of(x: f32) -> f32 {
  let square = x * x;
  var near = -0.00570498872745;
  near = near * square + 0.0206390887954;
  near = near * square - 0.0537397155531;
  near = near * square + 0.133314422036;
  near = near * square - 0.333332819422;
  near = near * square * x + x;
  let far = 1.0 - 2.0 / (exp(2.0 * min(abs(x), 10.0)) + 1.0);
  return select(near, select(far, -far, x < 0.0), abs(x) > 0.625);
}
