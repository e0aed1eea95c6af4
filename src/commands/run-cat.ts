import { getContent } from '../bucket/get-object.js';
import { SealiftError } from '../errors.js';
import { escapeForTerminal } from '../report/escape.js';
import { unauthenticatedRead } from '../run/notices.js';
import { COMMAND_SETTINGS, type Settings } from '../settings.js';
import type { ByteRange, ObjectStore } from '../store/store.js';
import { objectOf, withBucket } from './bucket-session.js';
import type { Context } from './context.js';
import { writeTo } from './output.js';

/** Plaintext to standard output, verified before its first byte; a range only when its reader accepts that it cannot be. */
export async function runCat(context: Context, flags: Readonly<Record<string, unknown>>): Promise<void> {
  const signal = context.signal();
  await withBucket(context, { flags, names: COMMAND_SETTINGS.cat, place: flags['object'] }, async ({ settings, location, ports }) => {
    const key = objectOf(location);
    refuseUnasked(settings);
    const range = settings.range === undefined ? undefined : await rangeOf(settings.range, key, ports.store);
    const opened = await getContent(key, { signal, ...(range === undefined ? {} : { range, unverifiedRange: true }) }, ports);
    if (!opened.sealed) {
      context.stderr.write(`warning: ${escapeForTerminal(unauthenticatedRead(key))}\n`);
    }
    for await (const chunk of opened.content as AsyncIterable<Buffer>) {
      if (!(await writeTo(context.stdout, chunk))) {
        return;
      }
    }
  });
}

function refuseUnasked(settings: Settings): void {
  if (settings.range !== undefined && settings['unverified-range'] !== true) {
    throw new SealiftError('usage', 'the bytes of a range cannot be authenticated', {
      object: '--range',
      remedy: 'Add --unverified-range if you accept that, or leave --range out.',
    });
  }
}

/** `A-B` (both included), `A-` or `-N` (the last N), as HTTP has it. */
async function rangeOf(text: string, key: string, store: ObjectStore): Promise<ByteRange> {
  const [, first, last] = /^(\d{0,15})-(\d{0,15})$/.exec(text) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    throw notARange(text);
  }
  if (first === '') {
    const { sizeBytes } = await store.head(key);
    return checked(text, { start: Math.max(0, sizeBytes - Number(last)), end: sizeBytes });
  }
  return checked(text, { start: Number(first), end: last === '' ? Number.MAX_SAFE_INTEGER : Number(last) + 1 });
}

function checked(text: string, range: ByteRange): ByteRange {
  if (range.end <= range.start) {
    throw notARange(text);
  }
  return range;
}

function notARange(text: string): SealiftError {
  return new SealiftError('usage', `--range: ${JSON.stringify(text)} is not a range of bytes`, {
    object: '--range',
    remedy: 'Give A-B with the first and the last byte, counted from 0; A- to the end; or -N for the last N bytes.',
  });
}
