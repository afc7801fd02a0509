// Every operator's room, for tests and benchmarks; the model imports operators from their own files.
// A new operator adds one line here.
export { elementwise } from './elementwise/elementwise.cases.ts';
export { gathers } from './gather/gather.cases.ts';
export { permutes } from './permute/permute.cases.ts';
export { quickgeluRooms } from './quickgelu/quickgelu.cases.ts';
export { reductions } from './reduce/reduce.cases.ts';
export { slices } from './slice/slice.cases.ts';
export { topks } from './topk/topk.cases.ts';
export { bilinear } from './resize_bilinear/resize_bilinear.cases.ts';
export { resizePillows } from './resize_pillow/resize_pillow.cases.ts';
export { imageTensors } from './image_tensor/image_tensor.cases.ts';
