// The tests of every operator, for tests and benchmarks; the model imports operators from their own files.
// A new operator adds one line here.

export { adamTest } from './adam/adam.cases.ts';
export { adamwTest } from './adamw/adamw.cases.ts';
export { attentionTests } from './attention/attention.cases.ts';
export { binaryCrossEntropyTest } from './binary_cross_entropy/binary_cross_entropy.cases.ts';
export { binaryFocalTest } from './binary_focal/binary_focal.cases.ts';
export { conv2dTest } from './conv2d/conv2d.cases.ts';
export { cosinePairsTest } from './cosine_pairs/cosine_pairs.cases.ts';
export { crossEntropyTest } from './cross_entropy/cross_entropy.cases.ts';
export { diceTest } from './dice/dice.cases.ts';
export { elementwiseTests } from './elementwise/elementwise.cases.ts';
export { expTest } from './exp/exp.cases.ts';
export { focalTest } from './focal/focal.cases.ts';
export { gatherTests } from './gather/gather.cases.ts';
export { gaussianBlurTest } from './gaussian_blur/gaussian_blur.cases.ts';
export { geluTest } from './gelu/gelu.cases.ts';
export { imageTensorTest } from './image_tensor/image_tensor.cases.ts';
export { l2normTest } from './l2norm/l2norm.cases.ts';
export { layernormGradientTest, layernormTest } from './layernorm/layernorm.cases.ts';
export { matmulTest } from './matmul/matmul.cases.ts';
export { mergeKernelsTest } from './merge_kernels/merge_kernels.cases.ts';
export { patchEmbeddingTest } from './patch_embedding/patch_embedding.cases.ts';
export { permuteTest } from './permute/permute.cases.ts';
export { quickgeluTest } from './quickgelu/quickgelu.cases.ts';
export { reduceTests } from './reduce/reduce.cases.ts';
export { reluTest } from './relu/relu.cases.ts';
export { replaceRowsTest } from './replace_rows/replace_rows.cases.ts';
export { resizeBilinearTest } from './resize_bilinear/resize_bilinear.cases.ts';
export { resizePillowTest } from './resize_pillow/resize_pillow.cases.ts';
export { sgdTest } from './sgd/sgd.cases.ts';
export { sigmoidTest } from './sigmoid/sigmoid.cases.ts';
export { sliceTests } from './slice/slice.cases.ts';
export { softmaxTest } from './softmax/softmax.cases.ts';
export { tanhTest } from './tanh/tanh.cases.ts';
export { topkTest } from './topk/topk.cases.ts';
