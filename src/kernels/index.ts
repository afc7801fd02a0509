// Every operator's room, for tests and benchmarks; the model imports operators from their own files.
// A new operator adds one line here.

export { adams } from './adam/adam.cases.ts';
export { adamws } from './adamw/adamw.cases.ts';
export { attentions } from './attention/attention.cases.ts';
export { binaryCrossEntropies } from './binary_cross_entropy/binary_cross_entropy.cases.ts';
export { binaryFocals } from './binary_focal/binary_focal.cases.ts';
export { convolutions } from './conv2d/conv2d.cases.ts';
export { cosinePairings } from './cosine_pairs/cosine_pairs.cases.ts';
export { crossEntropies } from './cross_entropy/cross_entropy.cases.ts';
export { dices } from './dice/dice.cases.ts';
export { elementwise } from './elementwise/elementwise.cases.ts';
export { exps } from './exp/exp.cases.ts';
export { focals } from './focal/focal.cases.ts';
export { gathers } from './gather/gather.cases.ts';
export { blurs } from './gaussian_blur/gaussian_blur.cases.ts';
export { gelus } from './gelu/gelu.cases.ts';
export { imageTensors } from './image_tensor/image_tensor.cases.ts';
export { l2norms } from './l2norm/l2norm.cases.ts';
export { layernorms } from './layernorm/layernorm.cases.ts';
export { matmuls } from './matmul/matmul.cases.ts';
export { patchEmbeddings } from './patch_embedding/patch_embedding.cases.ts';
export { permutes } from './permute/permute.cases.ts';
export { quickgeluRooms } from './quickgelu/quickgelu.cases.ts';
export { reductions } from './reduce/reduce.cases.ts';
export { relus } from './relu/relu.cases.ts';
export { bilinear } from './resize_bilinear/resize_bilinear.cases.ts';
export { resizePillows } from './resize_pillow/resize_pillow.cases.ts';
export { slices } from './slice/slice.cases.ts';
export { softmaxes } from './softmax/softmax.cases.ts';
export { topks } from './topk/topk.cases.ts';
