import { manifestDirectories } from '../config.js';
import { SealiftError } from '../errors.js';
import { readLastSession } from '../manifest/last-session.js';
import { newestUnfinished, readHead } from '../manifest/locate.js';
import type { Context } from './context.js';
import { runPull } from './run-pull.js';
import { runPush } from './run-push.js';
import { namedManifest, noManifest } from './which-manifest.js';

/** Repeats the command that a manifest recorded, with its options; flags given now come first. */
export async function runResume(context: Context, flags: Readonly<Record<string, unknown>>): Promise<void> {
  const manifest = await manifestFor(context, flags['manifest']);
  const head = await readHead(manifest);
  const recorded = (await readLastSession(manifest))?.options ?? head.options;
  const { command, source, destination } = recorded;
  // `manifest` is a positional argument here, and would pass for the option of that name.
  const request = { flags: { ...flags, manifest: undefined }, recorded, source, destination, manifest };
  if (command === 'push') {
    await runPush(context, request);
    return;
  }
  if (command === 'pull') {
    await runPull(context, request);
    return;
  }
  throw new SealiftError('usage', `${manifest} does not say which command it belongs to: it was written by a program`, {
    object: manifest,
    remedy: `Give the ${head.kind} again, with the same source and destination: it continues by itself.`,
  });
}

async function manifestFor(context: Context, typed: unknown): Promise<string> {
  const directories = manifestDirectories(context.env, context.cwd);
  const file = typed === undefined ? await newestUnfinished(directories) : namedManifest(typed, context.cwd, directories);
  if (file === undefined) {
    throw noManifest('unfinished run', directories);
  }
  return file;
}
