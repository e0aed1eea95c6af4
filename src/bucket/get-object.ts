import { SealiftError } from '../errors.js';
import { fetchInto } from '../run/fetch-into.js';
import { openBody } from '../run/opening.js';
import type { BucketPorts } from './bucket-ports.js';
import { bufferContent, describedContent, rangeContent, spooledContent } from './content.js';
import { spoolCiphertext } from './fetch-pieces.js';
import { withOpened, type Opened } from './opened.js';
import type { GetObjectOptions, OpenedObject } from './options.js';

/** The whole object, verified before this resolves; or a range of it, which nothing can verify. */
export async function getContent(name: string, options: GetObjectOptions, ports: BucketPorts): Promise<OpenedObject> {
  refuseUnasked(name, options);
  return await withOpened(name, options, ports, async (object) => {
    if (options.range !== undefined) {
      return rangeContent(describedContent(object, false), object, options, ports);
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
  return bufferContent(describedContent(object, opened.sealed !== undefined), body);
}

async function onDisk(object: Opened, options: GetObjectOptions, ports: BucketPorts): Promise<OpenedObject> {
  return spooledContent(describedContent(object, object.opened.sealed !== undefined), await spoolCiphertext(object, options, ports));
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
