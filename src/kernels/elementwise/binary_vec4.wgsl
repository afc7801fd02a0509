// out = a OP b, with NumPy's broadcasting, four neighbours per invocation.
//
// Shapes    out [d0, d1, d2, d3], d3 a multiple of 4; a and b have the same rank after the host's collapsing, with
//           stride 0 where broadcast; along d3 an operand is contiguous or repeated
// Dispatch  one item per vec4 of out
// Saved for backward: nothing (the rule needs a and b only for products and quotients)

#include "../parts/each_item.wgsl"
#include "../parts/unravel.wgsl"
#include "operation.wgsl"

alias Element = vec4f;

@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

fn item(i: u32) {
  let index = unravel_quad(i, params.shape);
  let from_a = offset_of(index, params.strides_a);
  let from_b = offset_of(index, params.strides_b);
  var x = a[from_a / 4u];
  var y = b[from_b / 4u];
  if (params.strides_a.w == 0u) {
    x = vec4f(x[from_a % 4u]);
  }
  if (params.strides_b.w == 0u) {
    y = vec4f(y[from_b % 4u]);
  }
  out[i] = combine(x, y);
}
