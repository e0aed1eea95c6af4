import { resolve } from 'node:path';
import { COMMAND_SETTINGS } from '../settings.js';
import { parseText } from '../values.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
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
  const source = resolve(context.cwd, parseText('the directory', request.source));
  const record = { command: 'push', source, destination: String(destination) };
  await runTransfer(context, { label: 'push', flags, recorded, purpose: 'seal', names: COMMAND_SETTINGS.push, place: destination, record, manifest }, async ({ settings, session, common }) => {
    const { push } = await import('../run/push.js');
    const { symlinks, checksum, envelope } = settings;
    const resumeSecret = settings['resume-secret'];
    const choices = defined({ ifExists: settings['if-exists'], storageClass: settings['storage-class'], symlinks, checksum, envelope, resumeSecret });
    return push({ ...common, source, ownPaths: session.ownPaths, ...choices });
  });
}
