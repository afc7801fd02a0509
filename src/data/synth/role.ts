/**
 * What families and defects are for. The tables in families/ and defects/ give each one role:
 *
 * - `pretrain`: the small CLIP is trained on these families with the defects for pretraining;
 * - `prompt`: prompts are trained on these families, with the same defects;
 * - `heldout`: neither training sees these families or these defects.
 */
export type Role = 'pretrain' | 'prompt' | 'heldout';
export type DefectRole = 'pretrain' | 'heldout';

export const roles: readonly Role[] = ['pretrain', 'prompt', 'heldout'];
