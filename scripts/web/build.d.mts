export function buildPage(outdir: string, options?: { readonly ships?: boolean }): Promise<void>;
