import type { Server } from 'node:http';

export function pageServer(folder: string, base?: string, mounts?: Readonly<Record<string, string>>): Server;
