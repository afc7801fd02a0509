// Packages with native code that Node needs and browsers do not: optional peers, loaded when they are first used, so
// that a page's project does not carry them.

/** A peer that is not installed, and how to get it. */
export class MissingPackageError extends Error {
  override readonly name = 'MissingPackageError';
  constructor(
    readonly packageName: string,
    purpose: string,
    options?: ErrorOptions,
  ) {
    super(
      `the npm package ${packageName} is not installed, which Node needs to ${purpose}: npm install webgpu sharp`,
      options,
    );
  }
}

/** @throws MissingPackageError, or what a package that is there throws */
export async function loadPeer<T>(load: () => Promise<T>, name: string, purpose: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    // A package that is there but lacks a file of its own (another platform's) says so itself.
    if (missing && new RegExp(`(package|module) '${name}'`).test(message))
      throw new MissingPackageError(name, purpose, { cause });
    throw cause;
  }
}
