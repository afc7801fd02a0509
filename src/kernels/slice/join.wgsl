// Up to four parts side by side in each row, in one pass, and what is added to them.
//
// Shapes    part k [rows or 1, its width], any type of 4 bytes an element: bits are copied; out [rows, width];
//           addend of f32, as many elements as out or the last dimensions of it
// Dispatch  one item per element of out

#include "join_any.wgsl"

alias Element = u32;
alias Numbers = f32;
