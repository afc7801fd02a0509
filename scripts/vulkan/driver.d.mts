export function driverFolder(env?: NodeJS.ProcessEnv): string;
export function driverManifest(folder: string): string;
export function libraryFolders(folder: string): string[];
export function driverEnvironment(env?: NodeJS.ProcessEnv): NodeJS.ProcessEnv | undefined;
export function neededEnvironment(env?: NodeJS.ProcessEnv): NodeJS.ProcessEnv | undefined;
