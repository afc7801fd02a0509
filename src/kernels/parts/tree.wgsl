// Workgroup memory of the tree reductions (tree_sum.wgsl, tree_max.wgsl): a value of each lane.
//
// Includer  declares alias Partial, f32 or a vector of it

var<workgroup> lane_values: array<Partial, WORKGROUP>;
