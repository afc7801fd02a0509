// Attention of one short sequence and head by one workgroup: its queries, keys, values and scores lie in workgroup memory.
// What the forward and the backward kernel share.
//
// Includer  includes parts/each_workgroup.wgsl
// Layout    Key j is the sequence's own row j; the prefix follows behind its last. Rows go by fours: quad t of `quads` is
//           the rows t, t + quads, t + 2 quads and t + 3 quads, so that lanes side by side read rows side by side.
//           pool: length queries, then keys, then values (stride() vectors each), then what the includer adds

#include "rows_with_prefix.wgsl"
#include "arithmetic.wgsl"

override BESIDE: bool = false; // besides the sequences, the whole sequence whose first rows are the prefix
override POOL: u32 = 896u; // vectors
const PARTS = 4u; // lanes that share a row of scores

var<workgroup> pool: array<vec4f, POOL>;
var<workgroup> of_lanes: array<vec4f, WORKGROUP>;

struct Task {
  beside: bool,
  length: u32,
  prefix_length: u32,
  sequence: u32,
  head: u32,
  width: u32,
  columns: vec4u, // where the head's query, key and value begin in a row
  keys: u32,
  key_quads: u32,
  query_quads: u32,
}

// In a head's row. No override: unrolled loops would gain a GPU nothing and cost AMD's compiler three times the registers.
fn vectors() -> u32 {
  return (params.head_dim + 3u) / 4u;
}

// One more than is stored: rows side by side lie in different memory banks.
fn stride() -> u32 {
  return vectors() + 1u;
}

fn tasks() -> u32 {
  return (params.sequences + u32(BESIDE)) * params.heads;
}

// Elements 4c .. of a head's row that begins at `start` of the task's own sequence.
fn sequence_vector(task: Task, start: u32, c: u32) -> vec4f {
  if (BESIDE) {
    if (task.beside) {
      return prefix_vector(start, c);
    }
  }
  return own_vector(start, c);
}

fn task_of(i: u32) -> Task {
  let beside = i >= params.sequences * params.heads;
  let length = select(params.length, params.beside_length, beside);
  let prefix_length = select(params.prefix_length, 0u, beside);
  let keys = length + prefix_length;
  return Task(
    beside,
    length,
    prefix_length,
    select(i / params.heads, 0u, beside),
    i % params.heads,
    params.heads * params.head_dim,
    params.columns + i % params.heads * params.head_dim,
    keys,
    (keys + 3u) / 4u,
    (length + 3u) / 4u
  );
}

// Four rows of `count`; past the end the last, so that what is read exists.
fn quad_of(t: u32, quads: u32, count: u32) -> vec4u {
  return min(t + quads * vec4u(0u, 1u, 2u, 3u), vec4u(count - 1u));
}

// Fills the pool with queries (times the scale), keys and values. A barrier must follow.
fn load_sequence(task: Task, lane: u32) {
  let row = 3u * task.width;
  let first = task.sequence * task.length;
  for (var i = lane; i < task.length * vectors(); i += WORKGROUP) {
    let c = i % vectors();
    let start = (first + i / vectors()) * row + task.columns.x;
    pool[i / vectors() * stride() + c] = params.scale * sequence_vector(task, start, c);
  }
  let keys_at = task.length * stride();
  let values_at = keys_at + task.keys * stride();
  for (var i = lane; i < task.length * vectors(); i += WORKGROUP) {
    let start = (first + i / vectors()) * row;
    let c = i % vectors();
    let at = i / vectors() * stride() + c;
    pool[keys_at + at] = sequence_vector(task, start + task.columns.y, c);
    pool[values_at + at] = sequence_vector(task, start + task.columns.z, c);
  }
  if (PREFIXED) {
    for (var i = lane; i < task.prefix_length * vectors(); i += WORKGROUP) {
      let start = i / vectors() * row;
      let c = i % vectors();
      let at = (task.length + i / vectors()) * stride() + c;
      pool[keys_at + at] = prefix_vector(start + task.columns.y, c);
      pool[values_at + at] = prefix_vector(start + task.columns.z, c);
    }
  }
}

// A row's products with four others, `a` and `b` where they begin in the pool.
fn four_products(a: u32, b: vec4u) -> vec4f {
  var sums = vec4f(); // the initial value is written out: some drivers forget to reset it
  for (var c = 0u; c < vectors(); c++) {
    let x = pool[a + c];
    sums = vec4f(
      add_dot(sums.x, x, pool[b.x + c]),
      add_dot(sums.y, x, pool[b.y + c]),
      add_dot(sums.z, x, pool[b.z + c]),
      add_dot(sums.w, x, pool[b.w + c])
    );
  }
  return sums;
}

// Scores of the keys of quad t that query i does not see become `hidden`.
fn hide(scores: vec4f, i: u32, t: u32, task: Task) -> vec4f {
  let key = t + task.key_quads * vec4u(0u, 1u, 2u, 3u);
  let own_end = select(task.length, i + 1u, params.causal != 0u);
  let seen = (key < vec4u(own_end)) | ((key >= vec4u(task.length)) & (key < vec4u(task.keys)));
  return select(vec4f(hidden), scores, seen);
}

// Vector c of four rows that begin at `at` of the pool, a column each.
fn four_rows(at: vec4u, c: u32) -> mat4x4f {
  return mat4x4f(pool[at.x + c], pool[at.y + c], pool[at.z + c], pool[at.w + c]);
}

// What the lanes found that share a row with this one: column k is their component k.
fn parts_of(lane: u32) -> mat4x4f {
  let first = lane - lane % PARTS;
  return transpose(mat4x4f(of_lanes[first], of_lanes[first + 1u], of_lanes[first + 2u], of_lanes[first + 3u]));
}
