// How a choice of weights is put to use.
import type { ModelChoice } from '../engine/choice.ts';
import type { Problem } from '../engine/problems.ts';

/** Opens a choice; what goes wrong is shown. */
export type Use = (choice: ModelChoice) => Promise<void>;
/** The same, and tells. */
export type TryUse = (choice: ModelChoice) => Promise<Problem | undefined>;
