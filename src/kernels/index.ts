// Every operator's room, for tests and benchmarks; the model imports operators from their own files.
// A new operator adds one line here.
export { elementwise } from './elementwise/elementwise.cases.ts';
export { reductions } from './reduce/reduce.cases.ts';
export { slices } from './slice/slice.cases.ts';
export { gathers } from './gather/gather.cases.ts';
