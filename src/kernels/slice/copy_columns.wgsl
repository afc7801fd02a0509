// Copies a range of columns of each row; columns that `source` does not have become 0. Serves slice (a range of `source`
// fills `out`), its gradient (`source` in the middle of zeros) and concat (`source` fills a range of `out`).
//
// Shapes    source [rows, from_pitch], out [rows, to_pitch], any type of 4 bytes an element: bits are copied.
//           out[r, to_start + c] = source[r, c + from_shift] for c in 0 .. width
// Dispatch  one item per element written
// Saved for backward: nothing

#include "copy_columns_any.wgsl"

alias Element = u32;
