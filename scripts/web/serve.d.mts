import type { Server } from 'node:http';
export function pageServer(folder: string, base?: string): Server;
