export function windowsWord(text: string): string;
export function launch(command: string, args: string[], env?: NodeJS.ProcessEnv): Promise<void>;
