import { providerFor } from '../bucket/master-key-provider.js';
import { parseEnvelope, type Envelope } from '../envelope/envelope.js';
import { exitCodeOf, isSealiftError } from '../errors.js';
import { Keyring } from '../keys/keyring.js';
import type { KeyUnwrapper } from '../keys/wrapper.js';
import { jsonLine } from '../report/json.js';
import { openEnvelope } from '../run/opening.js';
import { COMMAND_SETTINGS } from '../settings.js';
import { providerOf } from '../store/credentials.js';
import type { ObjectHead } from '../store/store.js';
import { objectOf, withBucket } from './bucket-session.js';
import type { Context } from './context.js';
import { describeEvent, describeLines, type Inspection, type Verdict } from './inspection.js';

/**
 * Reads the metadata of one object and tries every key on it. Exit code 4 when a key was given and the object is not what
 * was sealed, as far as that shows without its body; without a fitting key nothing is proven and nothing fails.
 */
export async function runInspect(context: Context, flags: Readonly<Record<string, unknown>>): Promise<void> {
  const signal = context.signal();
  await withBucket(context, { flags, names: COMMAND_SETTINGS.inspect, place: flags['object'] }, async ({ settings, location, session, ports }) => {
    const key = objectOf(location);
    const head = await ports.store.head(key, { signal });
    const envelope = parseEnvelope(head.metadata, head.sizeBytes, key);
    const credentials = providerOf(session.credentials);
    const unwrappers = await Promise.all(session.keys.map((each) => providerFor(each).unwrapper({ credentials })));
    const verdict = envelope === null ? undefined : await judge(key, { envelope, head }, unwrappers.filter((unwrapper) => unwrapper !== undefined));
    const inspection: Inspection = { address: `oss://${location.bucket}/${key}`, key, head, envelope, verdict };
    context.stdout.write(settings.json === true ? jsonLine(describeEvent(inspection), new Date(context.now())) : `${describeLines(inspection).join('\n')}\n`);
    if (verdict?.kind === 'refused') {
      context.exitWith(exitCodeOf(verdict.code));
    }
  });
}

async function judge(key: string, { envelope, head }: { envelope: Envelope; head: ObjectHead }, unwrappers: readonly KeyUnwrapper[]): Promise<Verdict> {
  const tried: string[] = [];
  let verdict: Verdict = { kind: 'no-key' };
  for (const unwrapper of unwrappers.filter(({ wrapAlgorithms }) => wrapAlgorithms.includes(envelope.wrapAlgorithm))) {
    tried.push(unwrapper.description);
    verdict = await tryKey(key, head, { unwrapper, tried });
    if (verdict.kind === 'opens') {
      return verdict;
    }
  }
  return verdict;
}

/** Steps 1 to 4 of reading under one key; nothing of the body. */
async function tryKey(key: string, head: ObjectHead, { unwrapper, tried }: { unwrapper: KeyUnwrapper; tried: readonly string[] }): Promise<Verdict> {
  try {
    const opened = await openEnvelope(key, head, new Keyring([unwrapper]), { allowRenamed: true, allowUnauthenticated: true, mustBeSealed: false });
    opened.keys.dataKey.wipe();
    return { kind: 'opens', by: unwrapper.description, proven: opened.sealed !== undefined, renamed: opened.sealed !== undefined && opened.sealed.authentication.name !== key };
  } catch (error) {
    if (isSealiftError(error)) {
      return { kind: 'refused', by: tried, code: error.code, message: error.message };
    }
    throw error;
  }
}
