// The gradient of short sequences' attention in one pass: with p = softmax(scale * query . key^T), dp = dout . value and
// ds = p * (dp - sum over keys of p * dp), d query = scale * ds . key, d key = scale * ds^T . query, d value = p^T . dout.
// Of the forward nothing is needed: the scores are computed again. For GPUs.
//
// Shapes    qkv, prefix as rows_with_prefix.wgsl has them, dout as upstream_rows.wgsl; dqkv as qkv; dprefix [sequences,
//           prefix_length, 2 * heads * head_dim], each sequence's own share of d key and d value of the prefix;
//           beside_dout, beside_dqkv: of the prefix's own sequence
// Dispatch  one workgroup per sequence and head. Workgroup memory: as sequence.wgsl has it, then the rows of dout, and grids
//           [length] [key quads] of p and of ds

#include "../parts/each_workgroup.wgsl"
#include "sequence.wgsl"
#include "upstream_rows.wgsl"

override OWN: bool = true; // dqkv is wanted
override OF_PREFIX: bool = false; // dprefix is wanted

@group(0) @binding(7) var<storage, read_write> dprefix: array<f32>;
@group(0) @binding(8) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(3) var<storage, read> beside_dout: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> beside_dqkv: array<f32>;

// Elements 4c .. of a head's row that begins at `start` of the task's upstream gradient.
fn upstream(task: Task, start: u32, c: u32) -> vec4f {
  if (BESIDE) {
    if (task.beside) {
      if (ALIGNED) {
        return beside_dout[start / 4u + c];
      }
      var x = vec4f();
      for (var k = 4u * c; k < min(params.head_dim, 4u * c + 4u); k++) {
        x[k % 4u] = beside_dout[(start + k) / 4u][(start + k) % 4u];
      }
      return x;
    }
  }
  return dout_vector(start, c);
}

fn task(index: u32, lane: u32) {
  let task = task_of(index);
  let quads = task.key_quads;
  let keys_at = task.length * stride();
  let values_at = keys_at + task.keys * stride();
  let dout_at = values_at + task.keys * stride();
  let p_at = dout_at + task.length * stride();
  let ds_at = p_at + task.length * quads;
  load_sequence(task, lane);
  for (var i = lane; i < task.length * vectors(); i += WORKGROUP) {
    let row = task.sequence * task.length + i / vectors();
    let c = i % vectors();
    pool[dout_at + i / vectors() * stride() + c] = upstream(task, row * task.width + task.head * params.head_dim, c);
  }
  workgroupBarrier();

  for (var item = lane; item < task.length * quads; item += WORKGROUP) {
    let i = item / quads;
    let t = item % quads;
    let rows = quad_of(t, quads, task.keys) * stride();
    pool[p_at + item] = hide(four_products(i * stride(), keys_at + rows), i, t, task);
    pool[ds_at + item] = four_products(dout_at + i * stride(), values_at + rows);
  }
  workgroupBarrier();

  for (var first = 0u; first < task.length; first += WORKGROUP / PARTS) {
    let i = first + lane / PARTS;
    let row_at = i * quads;
    var own = vec3f(hidden, 0.0, 0.0); // of the lane's part: highest score, sums of exponentials and of them by dp
    if (i < task.length) {
      for (var t = lane % PARTS; t < quads; t += PARTS) {
        own.x = max(own.x, highest_of(pool[p_at + row_at + t]));
      }
      for (var t = lane % PARTS; t < quads; t += PARTS) {
        let e = exp(pool[p_at + row_at + t] - own.x);
        own.y += sum_of(e);
        own.z = add_dot(own.z, e, pool[ds_at + row_at + t]);
      }
    }
    of_lanes[lane] = vec4f(own, 0.0);
    workgroupBarrier();
    if (i < task.length) {
      let all = parts_of(lane);
      let top = highest_of(all[0]);
      let factors = exp(all[0] - top);
      let sum = dot(all[1], factors);
      let mean = dot(all[2], factors) / sum;
      for (var t = lane % PARTS; t < quads; t += PARTS) {
        let p = exp(pool[p_at + row_at + t] - top) / sum;
        let ds = p * (pool[ds_at + row_at + t] - mean);
        pool[p_at + row_at + t] = p;
        // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
        pool[ds_at + row_at + t] = select(ds, vec4f(), p == vec4f(1.0));
      }
    }
    workgroupBarrier();
  }

  let query_items = select(0u, task.query_quads * vectors(), OWN);
  for (var item = lane; item < query_items + quads * vectors(); item += WORKGROUP) {
    if (item < query_items) {
      query_rows(task, item, keys_at, ds_at);
    } else {
      key_rows(task, item - query_items, dout_at, p_at, ds_at);
    }
  }
}

// d query of four rows, one vector of each.
fn query_rows(task: Task, item: u32, keys_at: u32, ds_at: u32) {
  let c = item % vectors();
  let t = item / vectors();
  let quads = task.key_quads;
  let queries = quad_of(t, task.query_quads, task.length);
  var sums = mat4x4f(); // a column for each query
  for (var k = 0u; k < quads; k++) {
    let keys = four_rows(keys_at + quad_of(k, quads, task.keys) * stride(), c);
    let weights = four_rows(ds_at + queries * quads, k);
    sums = mat4x4f(
      add_rows(sums[0], weights[0], keys),
      add_rows(sums[1], weights[1], keys),
      add_rows(sums[2], weights[2], keys),
      add_rows(sums[3], weights[3], keys)
    );
  }
  for (var e = 0u; e < 4u; e++) {
    if (t + e * task.query_quads < task.length) {
      let row = (task.sequence * task.length + queries[e]) * 3u * task.width;
      store_own(task, row + task.columns.x, c, params.scale * sums[e]);
    }
  }
}

// d key and d value of four rows, one vector of each.
fn key_rows(task: Task, item: u32, dout_at: u32, p_at: u32, ds_at: u32) {
  let c = item % vectors();
  let t = item / vectors();
  let quads = task.key_quads;
  var dk = mat4x4f(); // a column for each key
  var dv = mat4x4f();
  for (var i = 0u; i < task.length; i++) {
    let ds = pool[ds_at + i * quads + t];
    let p = pool[p_at + i * quads + t];
    let q = pool[i * stride() + c];
    let g = pool[dout_at + i * stride() + c];
    dk = mat4x4f(
      fma(vec4f(ds.x), q, dk[0]),
      fma(vec4f(ds.y), q, dk[1]),
      fma(vec4f(ds.z), q, dk[2]),
      fma(vec4f(ds.w), q, dk[3])
    );
    dv = mat4x4f(
      fma(vec4f(p.x), g, dv[0]),
      fma(vec4f(p.y), g, dv[1]),
      fma(vec4f(p.z), g, dv[2]),
      fma(vec4f(p.w), g, dv[3])
    );
  }
  for (var e = 0u; e < 4u; e++) {
    let key = t + e * quads;
    if (OWN && key < task.length) {
      let row = (task.sequence * task.length + key) * 3u * task.width;
      store_own(task, row + task.columns.y, c, dk[e]);
      store_own(task, row + task.columns.z, c, dv[e]);
    }
    if (OF_PREFIX && key >= task.length && key < task.keys) {
      let row = (task.sequence * task.prefix_length + key - task.length) * 2u * task.width;
      store_share(row + task.head * params.head_dim, c, task.width, dk[e], dv[e]);
    }
  }
}

fn store_own(task: Task, start: u32, c: u32, x: vec4f) {
  for (var k = 4u * c; k < min(params.head_dim, 4u * c + 4u); k++) {
    if (BESIDE && task.beside) {
      beside_dqkv[start + k] = x[k % 4u];
    } else {
      dqkv[start + k] = x[k % 4u];
    }
  }
}

fn store_share(start: u32, c: u32, width: u32, dk: vec4f, dv: vec4f) {
  for (var k = 4u * c; k < min(params.head_dim, 4u * c + 4u); k++) {
    dprefix[start + k] = dk[k % 4u];
    dprefix[start + width + k] = dv[k % 4u];
  }
}
