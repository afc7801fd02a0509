export function withoutNoise(source: NodeJS.ReadableStream, write: (text: string) => void): Promise<void>;
