import { escapeForTerminal } from '../report/escape.js';
import { formatCount, plural } from '../report/format.js';
import { jsonLine } from '../report/json.js';
import { collectUploads, type FoundUpload } from '../run/gc-uploads.js';
import { COMMAND_SETTINGS } from '../settings.js';
import { parseDuration } from '../values.js';
import { withBucket } from './bucket-session.js';
import type { Context } from './context.js';
import { writeTo } from './output.js';

const DEFAULT_AGE = '1d';
const STATES = ['aborted', 'planned', 'kept'] as const;

/** One line per upload; those that are too young are counted only. */
export async function runGcUploads(context: Context, flags: Readonly<Record<string, unknown>>): Promise<void> {
  const signal = context.signal();
  await withBucket(context, { flags, names: COMMAND_SETTINGS['gc-uploads'], place: flags['place'] }, async ({ settings, location: { prefix }, ports: { store } }) => {
    const olderThanMs = parseDuration('--older-than', settings['older-than'] ?? DEFAULT_AGE);
    const dryRun = settings['dry-run'] === true;
    const isJson = settings.json === true;
    const counts: Record<FoundUpload['state'], number> = { aborted: 0, planned: 0, kept: 0 };
    for await (const upload of collectUploads({ store, prefix, olderThanMs, dryRun, now: context.now(), signal })) {
      counts[upload.state] += 1;
      const line = isJson ? jsonLine({ event: 'upload', ...upload }, new Date(context.now())) : textOf(upload);
      await writeTo(context.stdout, line);
    }
    await close(context, counts, isJson);
  });
}

function textOf({ state, initiated, uploadId, key }: FoundUpload): string {
  return state === 'kept' ? '' : `${state}  ${escapeForTerminal(initiated)}  ${escapeForTerminal(uploadId)}  ${escapeForTerminal(key)}\n`;
}

async function close(context: Context, counts: Record<FoundUpload['state'], number>, isJson: boolean): Promise<void> {
  if (isJson) {
    await writeTo(context.stdout, jsonLine({ event: 'uploads', ...counts }, new Date(context.now())));
    return;
  }
  const found = STATES.reduce((sum, state) => sum + counts[state], 0);
  const parts = STATES.filter((state) => counts[state] > 0).map((state) => `${formatCount(counts[state])} ${state}`);
  await writeTo(context.stderr, `${[plural(found, 'unfinished upload'), ...parts].join(', ')}\n`);
}
