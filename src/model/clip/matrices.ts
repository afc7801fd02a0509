// The weights that may be stored in fewer bits.

/** Weights that only matrix products read: those may be F16 or int8 on the device. */
export const isMatrix = (name: string): boolean =>
  /(in_proj_weight|out_proj\.weight|c_fc\.weight|c_proj\.weight|conv1\.weight|proj|text_projection)$/.test(
    name,
  );

/** Where a file keeps the scales of an int8 matrix's rows. */
export const scaleName = (matrix: string): string => `${matrix}.scale`;
