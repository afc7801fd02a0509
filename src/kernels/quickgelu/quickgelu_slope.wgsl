// The slope of x * sigmoid(1.702 x): s + 1.702 x s (1 - s) with s = sigmoid(1.702 x). It takes exp of a negative number
// only, so that nothing overflows.
//
// Includer  declares nothing

fn quickgelu_slope(x: vec4f) -> vec4f {
  let z = 1.702 * clamp(x, vec4f(-120.0), vec4f(120.0));
  let decay = exp(-abs(z));
  let sigmoid = select(decay, vec4f(1.0), z >= vec4f()) / (1.0 + decay);
  let slope = decay / ((1.0 + decay) * (1.0 + decay)); // of the sigmoid: even
  return sigmoid + z * slope;
}
