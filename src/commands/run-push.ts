import { resolve } from 'node:path';
import { SealiftError } from '../errors.js';
import { COMMAND_SETTINGS, STANDARD_INPUT } from '../settings.js';
import { parseText } from '../values.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
import { readList } from './read-list.js';
import { runTransfer } from './transfer.js';

export interface PushRequest {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly recorded?: Readonly<Record<string, unknown>>;
  readonly source: unknown;
  readonly destination: unknown;
  readonly manifest?: string;
}

export async function runPush(context: Context, request: PushRequest): Promise<void> {
  const { flags, recorded, destination, manifest } = request;
  refuseLostInput(request);
  const source = resolve(context.cwd, parseText('the directory', request.source));
  const record = { command: 'push', source, destination: String(destination) };
  await runTransfer(context, { label: 'push', flags, recorded, purpose: 'seal', names: COMMAND_SETTINGS.push, place: destination, record, manifest }, async ({ settings, session, common }) => {
    const { push } = await import('../run/push.js');
    const { symlinks, checksum, envelope } = settings;
    const list = settings['files-from'];
    const files = list === undefined ? undefined : await readList(list, settings.from0 === true);
    const resumeSecret = settings['resume-secret'];
    const [modifiedSince, modifiedBefore] = [settings['modified-since'], settings['modified-before']].map((moment) => (moment === undefined ? undefined : new Date(moment)));
    const choices = defined({ ignoreFile: settings['ignore-file'], modifiedSince, modifiedBefore, ifExists: settings['if-exists'], storageClass: settings['storage-class'], files, symlinks, checksum, envelope, resumeSecret });
    return push({ ...common, source, ownPaths: session.ownPaths, ...choices });
  });
}

/** What a run that is resumed has read from standard input is over. */
function refuseLostInput({ flags, recorded, manifest }: PushRequest): void {
  if (recorded?.['files-from'] === STANDARD_INPUT && flags['files-from'] === undefined) {
    throw new SealiftError('usage', 'the list of files of this run came from standard input, which nobody has kept', {
      ...defined({ object: manifest }), remedy: 'Give the list again with --files-from FILE, or once more with --files-from -',
    });
  }
}
