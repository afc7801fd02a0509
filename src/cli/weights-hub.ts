// weights pull, list, verify and path: known models in the cache of Hugging Face's tools.
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { visible } from '../base/text.ts';
import { formatBytes } from '../gpu/errors.ts';
import { ExitError, formatRows, type Io } from '../jobs/io.ts';
import { knownModels, resolveWeights } from '../jobs/models.ts';
import { pull, sourceBytes } from '../jobs/pull.ts';
import { hubEnvironment } from '../model/hub/environment.node.ts';
import type { KnownModel } from '../model/hub/manifest.ts';
import { findModel, modelPath, readManifest, verifyModel } from '../model/hub/models.node.ts';
import { parseRepository } from '../model/hub/repository.node.ts';
import { shippedClips } from '../model/shipped.ts';

interface HubOptions {
  readonly manifest?: string;
  readonly json?: boolean;
}

const models = ({ manifest }: HubOptions): Promise<KnownModel[]> | KnownModel[] =>
  manifest === undefined ? knownModels() : readManifest(manifest);

const manifest = ['--manifest <file>', 'a list of models of your own'] as const;

export function addHubCommands(command: Command, io: Io): void {
  addPull(command, io);
  addList(command, io);
  addVerify(command, io);
  addPath(command, io);
}

function addPull(command: Command, io: Io): void {
  command
    .command('pull')
    .description('download a CLIP into the cache of Hugging Face tools; goes on after a cut')
    .argument(
      '<name>',
      'as "weights list" shows it, or any repository with a ViT CLIP as OWNER/NAME[@REVISION]',
    )
    .option(...manifest)
    .action(async (name: string, options: HubOptions) => {
      const all = await models(options);
      const known = all.find((model) => model.name === name);
      // A list of one's own names what may be pulled.
      if (!known && options.manifest !== undefined) findModel(all, name);
      if (!known && !parseRepository(name)) findModel(all, name);
      io.out(visible(await pull(io, await hubEnvironment(), name, known)));
    });
}

function addList(command: Command, io: Io): void {
  command
    .command('list')
    .description('known CLIPs, and which of them ship with this package or are in the cache')
    .option(...manifest)
    .option('--json', 'print as JSON')
    .action(async (options: HubOptions) => {
      const env = await hubEnvironment();
      const rows: { name: string; bytes: number | null; licence: string; path: string | null }[] = [];
      const shipped = new Set<string>(shippedClips.map(({ name }) => name));
      if (options.manifest === undefined) {
        for (const { name } of shippedClips) {
          const path = await resolveWeights(name);
          rows.push({ name, bytes: (await stat(path)).size, licence: 'MIT', path });
        }
      }
      for (const model of await models(options))
        rows.push({
          name: model.name,
          bytes: sourceBytes(model) ?? null,
          licence: model.licence,
          path: (await modelPath(env, model)) ?? null,
        });
      const table = rows.map(({ name, bytes, licence, path }) => [
        name,
        bytes === null ? '-' : formatBytes(bytes),
        licence,
        path === null ? '-' : options.manifest === undefined && shipped.has(name) ? 'ships' : 'in the cache',
      ]);
      io.out(options.json ? JSON.stringify(rows) : formatRows(table));
    });
}

function addVerify(command: Command, io: Io): void {
  command
    .command('verify')
    .description('compare the files of known CLIPs in the cache with their published sha256')
    .argument('[name...]', 'default: all that are in the cache')
    .option(...manifest)
    .option('--json', 'print as JSON')
    .action(async (names: string[], options: HubOptions) => {
      const env = await hubEnvironment();
      const all = await models(options);
      const chosen = names.length > 0 ? names.map((name) => findModel(all, name)) : all;
      const results = [];
      for (const model of chosen)
        for (const result of await verifyModel(env, model))
          if (names.length > 0 || result.state !== 'missing') results.push({ name: model.name, ...result });
      io.out(
        options.json
          ? JSON.stringify(results)
          : results.map(({ name, state, file }) => visible(`${name}: ${state}: ${file}`)).join('\n') ||
              'no known CLIP is in the cache',
      );
      if (results.some(({ state }) => state !== 'whole')) throw new ExitError(1);
    });
}

function addPath(command: Command, io: Io): void {
  command
    .command('path')
    .description('where the weights of a CLIP are; never touches the network')
    .argument('<name>', 'a known CLIP, or a repository that Hugging Face tools downloaded')
    .option(...manifest)
    .action(async (name: string, options: HubOptions) => {
      const env = await hubEnvironment();
      const own = options.manifest === undefined ? undefined : findModel(await models(options), name);
      const file = own ? await modelPath(env, own) : await resolveWeights(name, env);
      if (file === undefined) {
        io.note(`error: ${name} is not in the cache`);
        throw new ExitError(1);
      }
      io.out(visible(file));
    });
}
