// The weights that may be stored in fewer bits.

const clipMatrix =
  /(in_proj_weight|out_proj\.weight|c_fc\.weight|c_proj\.weight|conv1\.weight|proj|text_projection)$/;
const blipMatrix = /(\.(qkv|proj|fc1|fc2|dense)|^(vision|text)_proj)\.weight$/;

/** Weights of a CLIP or a BLIP that only matrix products read: those may be F16 or int8 on the device. */
export const isMatrix = (name: string): boolean => clipMatrix.test(name) || blipMatrix.test(name);

/** Where a file keeps the scales of an int8 matrix's rows. */
export const scaleName = (matrix: string): string => `${matrix}.scale`;
