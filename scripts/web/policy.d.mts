export const contentPolicy: string;
export const headers: Readonly<Record<string, string>>;
export const headersFile: string;
