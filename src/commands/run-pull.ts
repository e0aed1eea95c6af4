import { resolve } from 'node:path';
import { COMMAND_SETTINGS } from '../settings.js';
import { parseText } from '../values.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
import { runTransfer } from './transfer.js';

export interface PullRequest {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly recorded?: Readonly<Record<string, unknown>>;
  readonly source: unknown;
  readonly destination: unknown;
  readonly manifest?: string;
}

export async function runPull(context: Context, request: PullRequest): Promise<void> {
  const { flags, recorded, source, manifest } = request;
  const destination = resolve(context.cwd, parseText('the directory', request.destination));
  const record = { command: 'pull', source: String(source), destination };
  await runTransfer(context, { label: 'pull', flags, recorded, purpose: 'open', names: COMMAND_SETTINGS.pull, place: source, record, manifest }, async ({ settings, common }) => {
    const { pull } = await import('../run/pull.js');
    const { overwrite, checksum } = settings;
    return pull({
      ...common,
      destination,
      ...defined({
        overwrite,
        checksum,
        pushManifest: pushManifestIn(recorded),
        onCollision: settings['on-collision'],
        allowRenamed: settings['allow-renamed'],
        allowUnauthenticated: settings['allow-unauthenticated'],
        preserveSpecialBits: settings['preserve-special-bits'],
        preserveSparse: settings['preserve-sparse'],
      }),
    });
  });
}

function pushManifestIn(recorded: PullRequest['recorded']): string | undefined {
  const file = recorded?.['push-manifest'];
  return typeof file === 'string' ? file : undefined;
}
