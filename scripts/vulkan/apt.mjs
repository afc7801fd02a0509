// Carries out an AptPlan (plan.mjs). Package lists, downloads and the one additional source live in a temporary
// folder, so that the system's own sources and lists stay as they are, and no root is needed to download.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { driverFolder, driverManifest, libraryFolders } from './driver.mjs';

/** @typedef {import('./plan.mjs').AptPlan} AptPlan */

const archiveKeys = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Runs a program and returns its output. Throws with the end of that output if it fails. */
function execute(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  const child = spawnSync(command, args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 26,
  });
  if (child.status === 0) return child.stdout;
  const output =
    child.error?.message ?? `${child.stdout}${child.stderr}`.trim().split('\n').slice(-15).join('\n');
  throw new Error(`${command} failed (${child.signal ?? child.status}):\n${output}`);
}

const option = (name, value) => ['-o', `${name}=${value}`];

/**
 * apt's options that add `suite` to the machine's own sources for one run, from the mirror that the machine uses.
 * @param {string} suite for example bookworm-backports
 * @param {string} work temporary folder
 */
function additionalSource(suite, work) {
  const listed = execute('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE)',
    'Created-By: Packages',
  ]);
  const sources = listed.split('\n').map((line) => line.split(' '));
  if (sources.some(([, release]) => release === suite)) return [];
  const base = suite.replace(/-.*/, '');
  const [mirror] = sources.find(([, release]) => release === base) ?? ['http://deb.debian.org/debian'];
  const parts = path.join(work, 'sources.list.d');
  if (existsSync('/etc/apt/sources.list.d'))
    cpSync('/etc/apt/sources.list.d', parts, { recursive: true, dereference: true });
  else mkdirSync(parts);
  const signedBy = existsSync(archiveKeys) ? `[signed-by=${archiveKeys}] ` : '';
  writeFileSync(path.join(parts, 'faprompt.list'), `deb ${signedBy}${mirror} ${suite} main\n`);
  return option('Dir::Etc::sourceparts', parts);
}

/** Options for both ways, and `apt-get update` with them. */
function prepare({ as, suite }, work) {
  const system = path.join(work, 'state');
  for (const folder of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(path.join(work, folder), { recursive: true });
  const options = [
    ...(as === 'user' ? [...option('Dir::State', system), ...option('Debug::NoLocking', 1)] : []),
    ...option('Dir::State::lists', path.join(system, 'lists')),
    ...option('Dir::State::status', '/var/lib/dpkg/status'),
    ...option('Dir::Cache', path.join(work, 'cache')),
    ...option('Dir::Cache::archives', path.join(work, 'cache', 'archives')),
    ...option('APT::Sandbox::User', 'root'), // apt's own user cannot write to the folder
    ...option('Acquire::Languages', 'none'),
    ...option('Acquire::Retries', 3),
    ...option('DPkg::Lock::Timeout', 120), // seconds
  ];
  if (suite) options.push(...additionalSource(suite, work));
  console.log(
    `apt-get update${suite ? `, with the suite ${suite} for this run only` : ''} (lists go to a temporary folder)`,
  );
  execute('apt-get', ['update', ...options]);
  return options;
}

const installArguments = ({ packages, suite }) => [
  '--yes',
  '--no-install-recommends',
  ...(suite ? ['--target-release', suite] : []),
  ...packages,
];

/**
 * Installs the plan's packages on the system. Needs root.
 * @param {AptPlan} plan
 */
export function installAsRoot(plan) {
  const work = mkdtempSync(path.join(os.tmpdir(), 'faprompt-apt-'));
  try {
    const options = prepare(plan, work);
    const install = ['install', '--no-remove', ...installArguments(plan)];
    console.log(`apt-get ${install.join(' ')}`);
    execute('apt-get', [...install, ...options]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The C library and its loader must match each other, so they stay the system's. */
const isSystemLibrary = (file) => /^(libc6|libc-bin)_/.test(file);

/**
 * Unpacks the plan's packages, and those that they need and the system lacks, into the user's cache folder.
 * @param {AptPlan} plan
 * @returns {string} the folder
 */
export function unpackAsUser(plan) {
  const folder = driverFolder();
  mkdirSync(path.dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}.tmp-`);
  try {
    const options = prepare(plan, work);
    // --reinstall: what the system has of the plan's packages evidently does not do.
    const install = ['install', '--download-only', '--reinstall', ...installArguments(plan)];
    console.log(`apt-get ${install.join(' ')}`);
    execute('apt-get', [...install, ...options]);

    const archives = path.join(work, 'cache', 'archives');
    const files = readdirSync(archives).filter((file) => file.endsWith('.deb') && !isSystemLibrary(file));
    console.log(`Unpacking ${files.length} packages into ${folder}`);
    const unpacked = path.join(work, 'unpacked');
    mkdirSync(unpacked);
    for (const file of files) execute('dpkg-deb', ['--extract', path.join(archives, file), unpacked]);
    writeManifest(unpacked, folder);
    rmSync(folder, { recursive: true, force: true });
    renameSync(unpacked, folder);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Writes the manifest of the driver in `unpacked`, which is about to be renamed to `folder`. */
function writeManifest(unpacked, folder) {
  const manifests = path.join(unpacked, 'usr', 'share', 'vulkan', 'icd.d');
  const name = existsSync(manifests) && readdirSync(manifests).find((file) => /^lvp_icd.*\.json$/.test(file));
  const library = libraryFolders(unpacked)
    .map((lib) => path.join(lib, 'libvulkan_lvp.so'))
    .find((file) => existsSync(file));
  if (!name || !library)
    throw new Error('the packages hold no lavapipe driver (lvp_icd.json, libvulkan_lvp.so)');
  const manifest = JSON.parse(readFileSync(path.join(manifests, name), 'utf8'));
  manifest.ICD.library_path = path.join(folder, path.relative(unpacked, library));
  writeFileSync(driverManifest(unpacked), `${JSON.stringify(manifest, null, 2)}\n`);
}
