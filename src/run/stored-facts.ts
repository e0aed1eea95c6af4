import type { StoredObject } from '../store/store.js';
import type { StoredFacts } from './jobs.js';

/** What the manifest keeps of an object; `commitment` in lower-case hex, empty for an object of another SDK. */
export function storedFacts(stored: StoredObject, commitment: string): StoredFacts {
  const { etag, crc64, versionId } = stored;
  return { etag, crc64: crc64?.toString() ?? '', commitment, ...(versionId === undefined ? {} : { versionId }) };
}
