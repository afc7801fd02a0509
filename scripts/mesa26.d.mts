export const mesa26Folder: string;
/** Why it cannot be used, if it cannot. */
export const mesa26Missing: string | undefined;
export function mesa26Command(options?: {
  driver?: 'lvp' | 'nouveau' | 'radeon';
  shim?: 'nouveau' | 'amdgpu';
}): { command: string; args: string[]; env: Record<string, string> };
