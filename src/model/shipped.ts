// The CLIPs that ship with this package, under the names that users give them, and the prompts that are made for them.

export interface ShippedClip {
  /** As --clip takes it. */
  readonly name: string;
  /** Path in the package. */
  readonly clip: string;
}

/** Learnt from drawings above all; what the page and the library take unasked, with prompts of its own. */
export const smallClip = {
  name: 'small',
  clip: 'weights/small-clip.safetensors',
  prompts: 'weights/small-prompts.safetensors',
} as const satisfies ShippedClip & { readonly prompts: string };

/** Learnt from photographs too. Hand-written prompts serve it better than those that were trained (weights/README.md). */
export const photoClip: ShippedClip = { name: 'photos', clip: 'weights/photo-clip.safetensors' };

export const shippedClips: readonly ShippedClip[] = [smallClip, photoClip];
