// What a project's file holds: a ZIP of files as they are, and project.json that says what they are.
import type { DetectorInfo } from '../../src/detector/index.ts';
import type { Limit } from '../engine/limit.ts';
import type { Problem } from '../engine/problems.ts';
import type { Result } from '../inspect/photo.ts';
import type { RunSettings } from '../train/run.ts';

export const projectFormat = 'faprompt-project';
export const projectVersion = 1;

export interface ProjectPhoto {
  readonly name: string;
  /** Entry of the ZIP, and the type of its content. */
  readonly file: string;
  readonly type: string;
  readonly sample: boolean;
  readonly result?: Result;
  readonly problem?: Problem;
  /** Little-endian float32, row by row. */
  readonly map?: { readonly file: string; readonly width: number; readonly height: number };
}

export interface ProjectItem {
  readonly name: string;
  readonly image: string;
  readonly type: string;
  readonly mask?: string;
  readonly defective: boolean;
}

export interface Project {
  readonly format: typeof projectFormat;
  readonly version: typeof projectVersion;
  readonly clip: {
    readonly label: string;
    /** Where it can be had; absent: it was opened from files, which are in the ZIP. */
    readonly address?: string;
    readonly files?: readonly { readonly name: string; readonly file: string }[];
    readonly sha256?: string;
  };
  readonly prompts?: {
    readonly label: string;
    readonly id: string;
    /** Entry of the ZIP; absent for hand-written ones. */
    readonly file?: string;
    readonly object?: string;
  };
  readonly size?: number;
  /** As in ModelChoice. */
  readonly tiles?: number | false;
  readonly known?: DetectorInfo;
  readonly limit?: Limit;
  readonly photographs: readonly ProjectPhoto[];
  readonly training: {
    readonly items: readonly ProjectItem[];
    readonly settings?: RunSettings;
  };
}
