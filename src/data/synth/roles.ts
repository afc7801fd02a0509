/**
 * What families and defects are for. The tables in families/ and defects/ give each one role:
 *
 * - `pretrain`: the small CLIP is trained on these families with the defects for pretraining;
 * - `prompt`: prompts are trained on these families, with the same defects;
 * - `heldout`: neither training sees these families or these defects.
 */
import { type DefectName, defects } from './defects/index.ts';
import { type FamilyName, families, familyNames } from './families/index.ts';

export type Role = 'pretrain' | 'prompt' | 'heldout';
export type DefectRole = 'pretrain' | 'heldout';

export const roles: readonly Role[] = ['pretrain', 'prompt', 'heldout'];

export const familiesOf = (role: Role): FamilyName[] =>
  familyNames.filter((name) => families[name].role === role);

/** The defects that a family shows in its role; never empty. */
export function defectsOf(family: FamilyName): DefectName[] {
  const wanted: DefectRole = families[family].role === 'heldout' ? 'heldout' : 'pretrain';
  return families[family].defects.filter((name) => defects[name].role === wanted);
}
