import { parseAttributes } from '../envelope/authentication.js';
import { isSealiftError, SealiftError } from '../errors.js';
import { MAX_ATTEMPTS_PER_FILE } from '../limits.js';
import { fetchInto } from '../run/fetch-into.js';
import { openBody, openEnvelope, refuseBlockZero, type OpenedEnvelope } from '../run/opening.js';
import type { ObjectHead } from '../store/store.js';
import type { BucketPorts } from './bucket-ports.js';
import { bufferContent, describedContent, rangeContent, spooledContent } from './content.js';
import { spoolCiphertext } from './fetch-pieces.js';
import type { GetObjectOptions, OpenedObject, OperationOptions } from './options.js';

/** An object whose commitment was verified; its data key is wiped by whoever holds this. */
export interface Opened {
  readonly name: string;
  readonly head: ObjectHead;
  readonly opened: OpenedEnvelope;
}

/**
 * Steps 1 to 4 of reading, then `work`. An object that is replaced meanwhile is started again, three times at most.
 * `keep` leaves the data key to the answer of `work`; it is wiped otherwise, and after every failure.
 */
export async function withOpened<T>(
  name: string, { signal }: OperationOptions, ports: BucketPorts, work: (opened: Opened) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await openOnce(name, signal, ports, work);
    } catch (error) {
      if (!isSealiftError(error) || error.code !== 'replaced' || attempt >= MAX_ATTEMPTS_PER_FILE) {
        throw error;
      }
    }
  }
}

async function openOnce<T>(name: string, signal: AbortSignal | undefined, ports: BucketPorts, work: (opened: Opened) => Promise<T>): Promise<T> {
  const head = await ports.store.head(name, signal === undefined ? {} : { signal });
  const opened = await openEnvelope(name, head, await ports.keyring(), ports.policy);
  try {
    refuseBlockZero(name, opened, head.sizeBytes);
    return await work({ name, head, opened });
  } catch (error) {
    opened.keys.dataKey.wipe();
    throw error;
  }
}

/** The whole object, verified before this resolves; or a range of it, which nothing can verify. */
export async function getContent(name: string, options: GetObjectOptions, ports: BucketPorts): Promise<OpenedObject> {
  refuseUnasked(name, options);
  return await withOpened(name, options, ports, async (object) => {
    if (options.range !== undefined) {
      return rangeContent(describe(object, false), object, options, ports);
    }
    return object.head.sizeBytes <= ports.bounds.singlePutBytes ? await inMemory(object, options, ports) : await onDisk(object, options, ports);
  });
}

/** In memory, then in the hands of the caller: the budget counts it while it is fetched. */
async function inMemory(object: Opened, options: GetObjectOptions, ports: BucketPorts): Promise<OpenedObject> {
  const { name, head, opened } = object;
  const totalBytes = head.sizeBytes;
  const body = await ports.memory.with(totalBytes, async () => {
    const bytes = Buffer.allocUnsafeSlow(totalBytes);
    await fetchInto(ports.store, { key: name, etag: head.etag, offset: 0, signal: options.signal }, bytes);
    return bytes;
  });
  openBody(name, opened, body);
  opened.keys.dataKey.wipe();
  options.onProgress?.({ movedBytes: totalBytes, totalBytes });
  return bufferContent(describe(object, opened.sealed !== undefined), body);
}

async function onDisk(object: Opened, options: GetObjectOptions, ports: BucketPorts): Promise<OpenedObject> {
  return spooledContent(describe(object, object.opened.sealed !== undefined), await spoolCiphertext(object, options, ports));
}

function describe({ name, head, opened }: Opened, authenticated: boolean): ReturnType<typeof describedContent> {
  const attributes = parseAttributes(opened.sealed?.authentication.attributes ?? '');
  return describedContent(name, head, attributes, authenticated);
}

/** A range that is passed on by mistake would be taken for verified bytes. */
function refuseUnasked(name: string, { range, unverifiedRange }: GetObjectOptions): void {
  if (range !== undefined && unverifiedRange !== true) {
    throw new SealiftError('usage', `${name}: the bytes of a range cannot be authenticated`, {
      object: name,
      remedy: 'Pass unverifiedRange: true if you accept that, or get the whole object.',
    });
  }
}
