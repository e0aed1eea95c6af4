import type { ObjectHead } from '../../store/store.js';
import { fetchInto } from '../fetch-into.js';
import type { Outcome, PullItem } from '../jobs.js';
import { compareWhole, localPath, refuseOtherLength } from '../local-path.js';
import { openBody, openEnvelope, refuseBlockZero, type OpenedEnvelope } from '../opening.js';
import { storedFacts } from '../stored-facts.js';
import type { Ports } from '../threads/ports.js';
import { untilUnreplaced } from '../until-unreplaced.js';
import { compareUnfetched, refuseUnsealed } from './headers-only.js';
import { landWhole, type Landing } from './landing.js';

/**
 * One object that fits in memory: head, envelope, commitment, body, tag; then to its file, to a comparison, or nowhere.
 * Answers with a value for whatever happens to the object. One that is replaced meanwhile is started again.
 */
export async function pullObject(item: PullItem, ports: Ports): Promise<Outcome> {
  return await untilUnreplaced(item.id, async () => await attemptPull(item, ports));
}

async function attemptPull(item: PullItem, ports: Ports): Promise<Outcome> {
  const { context, store, room, keyring } = ports;
  const head = await store.head(item.key);
  if (head.sizeBytes > room.length) {
    return { state: 'larger', id: item.id, sizeBytes: head.sizeBytes };
  }
  const { allowRenamed = false, allowUnauthenticated = false, headersOnly = false } = context.pull ?? {};
  const opened = await openEnvelope(item.key, head, keyring, { allowRenamed, allowUnauthenticated, mustBeSealed: item.mustBeSealed });
  const slab = room.subarray(0, head.sizeBytes);
  try {
    if (headersOnly) {
      return judgeUnfetched(item, { opened, head }, slab, ports);
    }
    refuseBlockZero(item.key, opened, head.sizeBytes);
    await fetchInto(store, { key: item.key, etag: head.etag, offset: 0 }, slab);
    openBody(item.key, opened, slab);
    return await deliver(item, opened, { head, plaintext: slab }, ports);
  } finally {
    opened.keys.dataKey.wipe();
  }
}

function judgeUnfetched(item: PullItem, { opened, head }: Landing, slab: Buffer, { context, crc64 }: Ports): Outcome {
  refuseUnsealed(item.key, opened);
  if (context.pull?.sink === 'compare') {
    refuseOtherLength(context.root, item.path, head.sizeBytes);
    compareUnfetched({ key: item.key, head, opened, file: localPath(context.root, item.path) }, slab, crc64);
  }
  return { state: 'verified', id: item.id, stored: storedFacts(head, opened.sealed?.authentication.commitment ?? ''), bytes: head.sizeBytes };
}

async function deliver(
  item: PullItem, opened: OpenedEnvelope, { head, plaintext }: { head: ObjectHead; plaintext: Buffer }, ports: Ports,
): Promise<Outcome> {
  const { root, pull } = ports.context;
  const commitment = opened.sealed?.authentication.commitment ?? '';
  const facts = {
    id: item.id, stored: storedFacts(head, commitment), ...(opened.sealed === undefined ? { unauthenticated: true } : {}),
  };
  switch (pull?.sink ?? 'discard') {
    case 'write':
      return { state: 'done', ...facts, stat: await landWhole(item, { opened, head }, plaintext, ports) };
    case 'compare':
      compareWhole(localPath(root, item.path), plaintext);
      return { state: 'verified', ...facts, bytes: plaintext.length };
    case 'discard':
      return { state: 'verified', ...facts, bytes: plaintext.length };
  }
}
