import { hash } from 'node:crypto';
import { hmac, hmacHex } from '../crypto/hmac.js';

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
const LITERAL = /^[A-Za-z0-9\-._~/]*$/;

/** A derived key, which is the same for a day, a region and an account. */
interface Derived {
  readonly day: string;
  readonly secret: string;
  readonly scope: string;
  readonly key: Buffer;
}

/** A header that is signed: where its value stands, and its line up to there. */
interface SignedHeader {
  readonly at: number;
  readonly prefix: string;
}

/**
 * Makes the same Authorization header as ali-oss at a fraction of its cost: four of its five HMACs derive a key that is
 * the same for a day, and which headers are signed in which order is the same for all requests of one kind.
 */
export class V4Signer {
  readonly #region: string;
  #derived: Derived | undefined;
  /** Of the last request. */
  #names: readonly string[] = [];
  #signed: readonly SignedHeader[] = [];

  /** `region` without `oss-`. */
  constructor(region: string) {
    this.#region = region;
  }

  authorization(request: Signable, { accessKeyId, accessKeySecret }: SigningKey): string {
    const { time } = request;
    const { scope, key } = this.#keyFor(time.slice(0, 8), accessKeySecret);
    const digest = hash('sha256', this.#canonicalRequest(request), 'hex');
    const signature = hmacHex(key, Buffer.from(`OSS4-HMAC-SHA256\n${time}\n${scope}\n${digest}`));
    return `OSS4-HMAC-SHA256 Credential=${accessKeyId}/${scope},Signature=${signature}`;
  }

  #keyFor(day: string, secret: string): Derived {
    if (day !== this.#derived?.day || secret !== this.#derived.secret) {
      const scope = `${day}/${this.#region}/oss/aliyun_v4_request`;
      const key = scope.split('/').reduce<Buffer>((derived, part) => hmac(derived, Buffer.from(part)), Buffer.from(`aliyun_v4${secret}`));
      this.#derived = { day, secret, scope, key };
    }
    return this.#derived;
  }

  #canonicalRequest({ method, headers, queries, bucket, object }: Signable): string {
    return `${method.toUpperCase()}\n${encodedPath(`/${bucket}/${object}`)}\n${canonicalQuery(queries)}\n${this.#canonicalHeaders(headers)}\n\nUNSIGNED-PAYLOAD`;
  }

  #canonicalHeaders(headers: readonly string[]): string {
    if (!hasNames(headers, this.#names)) {
      this.#names = headers.filter((_, at) => at % 2 === 0);
      this.#signed = signedHeaders(this.#names);
    }
    let lines = '';
    for (const { at, prefix } of this.#signed) {
      lines += `${prefix}${(headers[at] ?? '').trim()}\n`;
    }
    return lines;
  }
}

/** Whether a text is encoded as itself, by us and by ali-oss. */
export function isLiteral(text: string): boolean {
  return LITERAL.test(text);
}

function hasNames(headers: readonly string[], names: readonly string[]): boolean {
  if (headers.length !== 2 * names.length) {
    return false;
  }
  for (let at = 0; at < names.length; at += 1) {
    if (headers[2 * at] !== names[at]) {
      return false;
    }
  }
  return true;
}

function signedHeaders(names: readonly string[]): SignedHeader[] {
  const signed = names.map((name, index) => ({ name: name.toLowerCase(), at: 2 * index + 1 })).filter(({ name }) => SIGNED.test(name));
  return signed.sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, at }) => ({ at, prefix: `${name}:` }));
}

function canonicalQuery(queries: Signable['queries']): string {
  return Object.keys(queries).sort().map((name) => {
    const value = queries[name] ?? null;
    return value === null ? encoded(name) : `${encoded(name)}=${encoded(String(value))}`;
  }).join('&');
}

function encodedPath(path: string): string {
  return isLiteral(path) ? path : encoded(path).replaceAll('%2F', '/');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
