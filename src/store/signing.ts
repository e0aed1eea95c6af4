import { createHmac, hash } from 'node:crypto';

/** What the result of the V4 signature depends on. */
export interface Signable {
  readonly method: string;
  /** Value of the header `x-oss-date`. */
  readonly time: string;
  /** Names, none of them twice, and values in turn. */
  readonly headers: readonly string[];
  /** Null values are bare names. */
  readonly queries: Readonly<Record<string, string | number | null>>;
  readonly bucket: string;
  /** Empty for the bucket. */
  readonly object: string;
}

export interface SigningKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** Names that the signature covers. */
const SIGNED = /^(?:x-oss-.*|content-type|content-md5)$/i;
/** Such a text is encoded as itself. */
const LITERAL = /^[A-Za-z0-9\-._~/]*$/;

/**
 * Makes the same Authorization header as ali-oss at a fraction of its cost: four of its five HMACs derive a key that is
 * the same for a day, a region and an account. Pieces are joined once, because ropes of strings keep the collector busy.
 */
export class V4Signer {
  readonly #region: string;
  #derivedFor = { day: '', secret: '' };
  #derived: Buffer = Buffer.alloc(0);

  /** `region` without `oss-`. */
  constructor(region: string) {
    this.#region = region;
  }

  authorization(request: Signable, { accessKeyId, accessKeySecret }: SigningKey): string {
    const { time } = request;
    const day = time.slice(0, 8);
    const scope = `${day}/${this.#region}/oss/aliyun_v4_request`;
    const digest = hash('sha256', canonicalRequest(request), 'hex');
    const signature = createHmac('sha256', this.#keyFor(day, scope, accessKeySecret)).update(['OSS4-HMAC-SHA256', time, scope, digest].join('\n')).digest('hex');
    return `OSS4-HMAC-SHA256 Credential=${accessKeyId}/${scope},Signature=${signature}`;
  }

  #keyFor(day: string, scope: string, secret: string): Buffer {
    if (day !== this.#derivedFor.day || secret !== this.#derivedFor.secret) {
      this.#derived = scope.split('/').reduce<Buffer>((key, part) => createHmac('sha256', key).update(part).digest(), Buffer.from(`aliyun_v4${secret}`));
      this.#derivedFor = { day, secret };
    }
    return this.#derived;
  }
}

function canonicalRequest({ method, headers, queries, bucket, object }: Signable): string {
  const path = encodedPath(`/${bucket}/${object}`);
  return [method.toUpperCase(), path, canonicalQuery(queries), canonicalHeaders(headers), '\n', 'UNSIGNED-PAYLOAD'].join('\n');
}

function canonicalQuery(queries: Signable['queries']): string {
  return Object.keys(queries).sort().map((name) => {
    const value = queries[name] ?? null;
    return value === null ? encoded(name) : `${encoded(name)}=${encoded(String(value))}`;
  }).join('&');
}

/** No character of a name or value sorts below NUL, so that lines sort as their names do. */
function canonicalHeaders(headers: readonly string[]): string {
  const lines: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (SIGNED.test(name)) {
      lines.push(`${name.toLowerCase()}\0${(headers[at + 1] ?? '').trim()}`);
    }
  }
  return lines.sort().join('\n').replaceAll('\0', ':');
}

function encodedPath(path: string): string {
  return LITERAL.test(path) ? path : encoded(path).replaceAll('%2F', '/');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
