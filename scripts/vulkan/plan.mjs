// What to do on a machine without a WebGPU adapter. Pure: decides, touches nothing.

/**
 * The variables of an /etc/os-release file.
 * @param {string} text
 * @returns {Record<string, string>}
 */
export function parseOsRelease(text) {
  const lines = text.matchAll(/^\s*([A-Z_][A-Z0-9_]*)=(?:"([^"]*)"|'([^']*)'|(\S*))\s*$/gm);
  return Object.fromEntries(
    [...lines].map(([, name, ...values]) => [name, values.find((v) => v !== undefined)]),
  );
}

/** What to install by hand, by distribution (ID or ID_LIKE of os-release). */
const byHand = {
  fedora: 'sudo dnf install mesa-vulkan-drivers vulkan-loader',
  rhel: 'sudo dnf install mesa-vulkan-drivers vulkan-loader',
  arch: 'sudo pacman -S vulkan-swrast vulkan-icd-loader',
  suse: 'sudo zypper install libvulkan_lvp libvulkan1',
};

const advice = (text) => ({ kind: 'advice', text });

/**
 * @param {import('./plan.mjs').Machine} machine
 * @returns {import('./plan.mjs').Plan}
 */
export function installPlan({ osRelease, uid, platform }) {
  if (platform === 'darwin') {
    return advice(
      'macOS brings Metal, so there is nothing to install: run this on a Mac with a GPU, macOS 12 or newer.',
    );
  }
  if (platform === 'win32') {
    return advice(
      "Windows brings Direct3D 12, so there is nothing to install: update Windows and the graphics card's driver.",
    );
  }
  if (platform !== 'linux') return advice(`Dawn has no build for ${platform}: use Linux, macOS or Windows.`);

  const os = parseOsRelease(osRelease);
  const families = [os.ID ?? '', ...(os.ID_LIKE ?? '').split(' ')];
  if (families.includes('debian') || families.includes('ubuntu')) {
    // Debian 12's own Mesa 22.3 is too old: Dawn refuses it (23.2 and 24.0 of Ubuntu 22.04 and 24.04 work).
    const codename = os.DEBIAN_CODENAME ?? os.VERSION_CODENAME;
    return {
      kind: 'apt',
      as: uid === 0 ? 'root' : 'user',
      packages: ['mesa-vulkan-drivers', 'libvulkan1'],
      ...(codename === 'bookworm' && { suite: 'bookworm-backports' }),
    };
  }
  if (families.includes('alpine')) {
    return advice(
      'Dawn is built against glibc, which Alpine does not have: use a Debian or Ubuntu system or image.',
    );
  }
  const command = families.map((family) => byHand[family]).find(Boolean);
  return advice(
    command
      ? `Install the software Vulkan driver and the Vulkan loader, then try again:\n  ${command}`
      : "Install Mesa's software Vulkan driver (lavapipe, 23.2 or newer) and the Vulkan loader (libvulkan.so.1) with your system's package manager, then try again.",
  );
}
