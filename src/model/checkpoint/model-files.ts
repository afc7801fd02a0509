/** What a model's folder or repository may hold, the first one found counts: safetensors before pickles. */
export const modelFiles = [
  'model.safetensors',
  'model.safetensors.index.json',
  'open_clip_model.safetensors',
  'open_clip_pytorch_model.safetensors',
  'open_clip_pytorch_model.bin',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
] as const;

/** Where Hugging Face's tools keep how images are prepared. */
export const preprocessorConfig = 'preprocessor_config.json';
