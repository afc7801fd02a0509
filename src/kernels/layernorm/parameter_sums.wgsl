// Sums over a block of rows: dweight_partial = sum of dout * xhat, dbias_partial = sum of dout, with
// xhat = (x - mean) / std. The host adds up the blocks.
//
// Includer  includes each_item.wgsl and declares alias Element: f32, or vec4f for four columns
// Shapes    dout and x [rows, width], mean and inverse_std [rows], dweight_partial and dbias_partial [blocks, width], the
//           widths in Elements; block b has the rows b * block .. min(rows, (b + 1) * block)

struct Params {
  rows: u32,
  width: u32, // Elements
  block: u32,
  blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dout: array<Element>;
@group(0) @binding(2) var<storage, read> x: array<Element>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> inverse_std: array<f32>;
@group(0) @binding(5) var<storage, read_write> dweight_partial: array<Element>;
@group(0) @binding(6) var<storage, read_write> dbias_partial: array<Element>;

fn items() -> u32 {
  return params.blocks * params.width;
}

fn item(i: u32) {
  let column = i % params.width;
  let first = i / params.width * params.block;
  let end = min(params.rows, first + params.block);
  var dweight = Element();
  var dbias = Element();
  for (var row = first; row < end; row++) {
    let at = row * params.width + column;
    dweight += dout[at] * ((x[at] - mean[row]) * inverse_std[row]);
    dbias += dout[at];
  }
  dweight_partial[i] = dweight;
  dbias_partial[i] = dbias;
}
