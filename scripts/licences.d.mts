interface Lock {
  lockfileVersion: number;
  packages: Record<string, Record<string, unknown>>;
}
export function isAllowed(name: string, licence: unknown): boolean;
export function lockProblems(lock: Lock): string[];
export function closure(lock: Lock, names: Iterable<string>): string[];
