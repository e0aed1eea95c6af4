import { isSealiftError, StoreError } from '../errors.js';
import type { ListedObject, ObjectStore } from '../store/store.js';

/** An object that some tools make for a directory: there is nothing in it to be opened. */
export function isDirectoryMarker({ key, sizeBytes }: Pick<ListedObject, 'key' | 'sizeBytes'>): boolean {
  return key.endsWith('/') && sizeBytes === 0;
}

/**
 * Every object that belongs to a prefix of whole segments, page by page: the single object that bears the prefix as its
 * name, if there is one, then everything below it.
 *
 * @throws StoreError `remote-refused` for a listing that goes round in circles.
 */
export async function* listObjects(store: ObjectStore, prefix: string, signal: AbortSignal): AsyncGenerator<ListedObject> {
  if (prefix !== '') {
    yield* single(store, prefix, signal);
  }
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    signal.throwIfAborted();
    const page = await store.list(prefix === '' ? '' : `${prefix}/`, token, { signal });
    yield* page.objects;
    token = page.nextToken;
    if (token !== undefined && seen.has(token)) {
      throw new StoreError('remote-refused', `the listing of ${prefix} repeats itself: the server sent one continuation token twice`, {
        object: prefix, remedy: 'run the command again; if it stays, report it with the name of the server',
      });
    }
    seen.add(token ?? '');
  } while (token !== undefined);
}

async function* single(store: ObjectStore, key: string, signal: AbortSignal): AsyncGenerator<ListedObject> {
  try {
    const { sizeBytes, etag } = await store.head(key, { signal });
    yield { key, sizeBytes, etag };
  } catch (error) {
    if (!isSealiftError(error) || error.code !== 'not-found') {
      throw error;
    }
  }
}
