// Moments of Adam and AdamW: m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//
// Shapes    parameter, gradient, m, v [count], in Elements; schedule: lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t),
//           and what the includer adds
// Includer  declares alias Element: f32, or vec4f where four elements are one; and struct Params with beta1, beta2,
//           one_minus_beta1, one_minus_beta2, epsilon

@group(0) @binding(1) var<storage, read_write> parameter: array<Element>;
@group(0) @binding(2) var<storage, read> gradient: array<Element>;
@group(0) @binding(3) var<storage, read_write> m: array<Element>;
@group(0) @binding(4) var<storage, read_write> v: array<Element>;
@group(0) @binding(5) var<storage, read> schedule: array<f32>;

// Moves element i's moments on. Returns what its parameter moves by; epsilon is added after the root, as in PyTorch.
fn moved(i: u32) -> Element {
  let g = gradient[i];
  let first = params.beta1 * m[i] + params.one_minus_beta1 * g;
  let second = params.beta2 * v[i] + params.one_minus_beta2 * g * g;
  m[i] = first;
  v[i] = second;
  return schedule[0] * first / (sqrt(second) * schedule[1] + params.epsilon);
}
