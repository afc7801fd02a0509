/**
 * `as` root: install on the system; user: unpack into the user's cache folder. `suite`: one that the machine's own
 * sources may lack and the packages must come from.
 */
export interface AptPlan {
  kind: 'apt';
  as: 'root' | 'user';
  packages: string[];
  suite?: string;
}

export type Plan = AptPlan | { kind: 'advice'; text: string };

export interface Machine {
  /** Contents of /etc/os-release, empty where there is none. */
  osRelease: string;
  /** Effective user id. */
  uid: number;
  platform: NodeJS.Platform;
}

export function parseOsRelease(text: string): Record<string, string>;
export function installPlan(machine: Machine): Plan;
