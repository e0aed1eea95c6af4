import { parseEnvelope } from '../envelope/envelope.js';
import { exitCodeOf, isSealiftError } from '../errors.js';
import type { EnvelopeFamily } from '../keys/wrapper.js';
import { escapeForTerminal } from '../report/escape.js';
import { formatBytes, formatCount, plural } from '../report/format.js';
import { jsonLine } from '../report/json.js';
import { listObjects } from '../run/listing.js';
import { COMMAND_SETTINGS } from '../settings.js';
import type { ListedObject, ObjectStore } from '../store/store.js';
import { withBucket } from './bucket-session.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
import { inOrder } from './in-order.js';
import { writeTo } from './output.js';

/** What the metadata of an object makes of it; nothing is unwrapped or verified. */
type ObjectState = 'sealed' | 'unauthenticated' | 'plain' | 'invalid';

interface Row {
  readonly key: string;
  readonly bytes: number;
  readonly state: ObjectState;
  readonly envelope: EnvelopeFamily | undefined;
  readonly storageClass: string | undefined;
}

const STATES: readonly ObjectState[] = ['sealed', 'unauthenticated', 'plain', 'invalid'];
const SIZE_COLUMNS = 15;
const STATE_COLUMNS = 15;

/** One row per object, in the order of the listing, from one HEAD each. Exit code 4 when some metadata is no valid envelope. */
export async function runLs(context: Context, flags: Readonly<Record<string, unknown>>): Promise<void> {
  const signal = context.signal();
  await withBucket(context, { flags, names: COMMAND_SETTINGS.ls, place: flags['place'] }, async ({ settings, location, ports: { store, bounds } }) => {
    const isJson = settings.json === true;
    const rows: Record<ObjectState, number> = { sealed: 0, unauthenticated: 0, plain: 0, invalid: 0 };
    let bytes = 0;
    for await (const row of inOrder(listObjects(store, location.prefix, signal), bounds.concurrency, (listed) => rowOf(store, listed, signal))) {
      if (row === undefined) {
        continue;
      }
      rows[row.state] += 1;
      bytes += row.bytes;
      if (!(await writeTo(context.stdout, isJson ? jsonLine(eventOf(row), new Date(context.now())) : textOf(row)))) {
        return;
      }
    }
    await close(context, { rows, bytes, isJson });
  });
}

/** Undefined for an object that is gone since the listing. */
async function rowOf(store: ObjectStore, { key }: ListedObject, signal: AbortSignal): Promise<Row | undefined> {
  try {
    const { metadata, sizeBytes: bytes, storageClass } = await store.head(key, { signal });
    return { key, bytes, storageClass, ...judge(metadata, bytes) };
  } catch (error) {
    if (isSealiftError(error) && error.code === 'not-found') {
      return undefined;
    }
    throw error;
  }
}

function judge(metadata: Readonly<Record<string, string>>, bytes: number): Pick<Row, 'state' | 'envelope'> {
  try {
    const envelope = parseEnvelope(metadata, bytes);
    const state = envelope === null ? 'plain' : envelope.authentication === undefined ? 'unauthenticated' : 'sealed';
    return { state, envelope: envelope?.family };
  } catch (error) {
    if (isSealiftError(error)) {
      return { state: 'invalid', envelope: undefined };
    }
    throw error;
  }
}

function eventOf({ key, bytes, state, envelope, storageClass }: Row): { readonly event: string } {
  return { event: 'object', ...{ key, bytes, state, authenticated: state === 'sealed' }, ...defined({ envelope, storageClass }) };
}

function textOf({ key, bytes, state }: Row): string {
  return `${formatCount(bytes).padStart(SIZE_COLUMNS)}  ${state.padEnd(STATE_COLUMNS)}  ${escapeForTerminal(key)}\n`;
}

async function close(context: Context, { rows, bytes, isJson }: { rows: Record<ObjectState, number>; bytes: number; isJson: boolean }): Promise<void> {
  const objects = STATES.reduce((sum, state) => sum + rows[state], 0);
  if (isJson) {
    await writeTo(context.stdout, jsonLine({ event: 'listing', ...{ objects, bytes, ...rows } }, new Date(context.now())));
  } else {
    const parts = STATES.filter((state) => rows[state] > 0).map((state) => `${formatCount(rows[state])} ${state}`);
    await writeTo(context.stderr, `${[plural(objects, 'object'), formatBytes(bytes), ...parts].join(', ')}\n`);
  }
  if (rows.invalid > 0) {
    context.exitWith(exitCodeOf('envelope-invalid'));
  }
}
