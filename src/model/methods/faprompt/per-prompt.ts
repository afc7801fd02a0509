// Prompts of which each can be looked at alone: FAPrompt's, where there are several.
import { laterOptions } from '../../faprompt/option-checks.ts';
import type { FapromptOptions } from '../../faprompt/options.ts';
import type { Method } from '../method.ts';
import { fapromptFamilyName } from './faprompt.ts';

/** FAPrompt's options where its K is 2 or more; undefined for all other prompts. */
export function severalPrompts({ family, options: given }: Method): FapromptOptions | undefined {
  const options = { ...laterOptions, ...given } as FapromptOptions;
  return family === fapromptFamilyName && options.prompts >= 2 ? options : undefined;
}
