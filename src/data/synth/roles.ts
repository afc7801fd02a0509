/** The families of a role, and the defects that they show. */
import { type DefectName, defects } from './defects/index.ts';
import { type FamilyName, families, familyNames } from './families/index.ts';
import type { DefectRole, Role } from './role.ts';

export * from './role.ts';

export const familiesOf = (role: Role): FamilyName[] =>
  familyNames.filter((name) => families[name].role === role);

/** The defects that a family shows in its role; never empty. */
export function defectsOf(family: FamilyName): DefectName[] {
  const wanted: DefectRole = families[family].role === 'heldout' ? 'heldout' : 'pretrain';
  return families[family].defects.filter((name) => defects[name].role === wanted);
}
