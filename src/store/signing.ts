import { createHash, createHmac } from 'node:crypto';

/** What ali-oss passes to its V4 signature, as far as its result depends on it. */
export interface Signable {
  readonly method: string;
  readonly headers: Readonly<Record<string, unknown>>;
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

/**
 * Makes the same Authorization header as ali-oss at a fraction of its cost: four of its five HMACs derive a key that is
 * the same for a day, a region and an account.
 */
export class V4Signer {
  readonly #region: string;
  #derivedFor = '';
  #derived: Buffer = Buffer.alloc(0);

  /** `region` without `oss-`. */
  constructor(region: string) {
    this.#region = region;
  }

  authorization(request: Signable, { accessKeyId, accessKeySecret }: SigningKey): string {
    const time = String(request.headers['x-oss-date']);
    const day = time.slice(0, 8);
    const scope = `${day}/${this.#region}/oss/aliyun_v4_request`;
    const digest = createHash('sha256').update(canonicalRequest(request)).digest('hex');
    const signature = createHmac('sha256', this.#keyFor(scope, accessKeySecret)).update(`OSS4-HMAC-SHA256\n${time}\n${scope}\n${digest}`).digest('hex');
    return `OSS4-HMAC-SHA256 Credential=${accessKeyId}/${scope},Signature=${signature}`;
  }

  #keyFor(scope: string, secret: string): Buffer {
    const wanted = `${scope}\n${secret}`;
    if (wanted !== this.#derivedFor) {
      this.#derived = scope.split('/').reduce<Buffer>((key, part) => createHmac('sha256', key).update(part).digest(), Buffer.from(`aliyun_v4${secret}`));
      this.#derivedFor = wanted;
    }
    return this.#derived;
  }
}

function canonicalRequest({ method, headers, queries, bucket, object }: Signable): string {
  const path = encoded(`/${bucket}/${object}`).replaceAll('%2F', '/');
  return `${method.toUpperCase()}\n${path}\n${canonicalQuery(queries)}\n${canonicalHeaders(headers)}\n\nUNSIGNED-PAYLOAD`;
}

function canonicalQuery(queries: Signable['queries']): string {
  return Object.keys(queries).sort().map((name) => {
    const value = queries[name] ?? null;
    return value === null ? encoded(name) : `${encoded(name)}=${encoded(String(value))}`;
  }).join('&');
}

function canonicalHeaders(headers: Signable['headers']): string {
  const values = new Map<string, string>();
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase();
    if (lower.startsWith('x-oss-') || lower === 'content-type' || lower === 'content-md5') {
      values.set(lower, String(headers[name]).trim());
    }
  }
  return [...values.keys()].sort().map((name) => `${name}:${values.get(name) ?? ''}\n`).join('');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
