/** Listings of the sink: ListObjectsV2 as OSS and S3 answer it, 1,000 names per page. */
import type { Kept } from './sink-wire.js';

const PAGE = 1000;

/** @param objects - by percent-encoded key */
export function listing(objects: ReadonlyMap<string, Kept>, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const rest = sortedKeys(objects, after).filter((key) => key.startsWith(prefix) && key > after);
  const page = rest.slice(0, PAGE);
  const isTruncated = rest.length > PAGE;
  const names = new Map(page.map((key) => [shownAs(key, prefix, delimiter), key]));
  const entries = [...names].map(([name, key]) => (name === key ? contents(key, objects.get(key)) : `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`));
  const next = isTruncated ? `<NextContinuationToken>${page.at(-1) ?? ''}</NextContinuationToken>` : '';
  return `<?xml version="1.0"?><ListBucketResult><EncodingType>url</EncodingType><KeyCount>${names.size}</KeyCount>\
<IsTruncated>${String(isTruncated)}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`;
}

let sorted: readonly string[] = [];

/** Sorted once per listing, not once per page. */
function sortedKeys(objects: ReadonlyMap<string, Kept>, after: string): readonly string[] {
  if (after === '') {
    sorted = [...objects.keys()].sort();
  }
  return sorted;
}

/** Up to the next delimiter, like a directory. */
function shownAs(key: string, prefix: string, delimiter: string): string {
  const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
  return end === -1 ? key : key.slice(0, end + delimiter.length);
}

function contents(key: string, kept: Kept | undefined): string {
  return `<Contents><Key>${key}</Key><Size>${kept?.bytes ?? 0}</Size><ETag>"${kept?.etag ?? ''}"</ETag><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>`;
}
