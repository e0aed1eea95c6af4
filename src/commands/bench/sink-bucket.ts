/** What the sink answers: one bucket for every name, objects in memory, as OSS and S3 clients read it. */
import { createHash, randomUUID } from 'node:crypto';
import { joinCrc64 } from '../../crypto/crc64.js';
import { listing } from './sink-listing.js';
import type { Kept, SinkAnswer, SinkHead, SinkSettings } from './sink-wire.js';

interface Upload {
  readonly metadata: string;
  readonly parts: Map<number, Kept>;
}

const XML = '<?xml version="1.0"?>';
const NOT_FOUND = `${XML}<Error><Code>NoSuchKey</Code><Message>not kept</Message></Error>`;
const NOTHING: Buffer = Buffer.alloc(0);

export class SinkBucket {
  readonly stats = { requests: 0, puts: 0, bodyBytes: 0, connections: 0 };
  readonly #settings: SinkSettings;
  readonly #objects = new Map<string, Kept>();
  readonly #uploads = new Map<string, Upload>();

  constructor(settings: SinkSettings) {
    this.#settings = settings;
  }

  respond(head: SinkHead, body: Kept): SinkAnswer {
    switch (head.method) {
      case 'PUT':
        return this.#put(head, body);
      case 'POST':
        return this.#post(head, body);
      case 'HEAD':
        return head.key === '' ? answer('') : this.#head(head);
      case 'GET':
        return head.key === '' ? this.#query(head) : this.#get(head);
      default:
        return this.#delete(head);
    }
  }

  #put({ key, query }: SinkHead, body: Kept): SinkAnswer {
    this.stats.puts += 1;
    const uploadId = query.get('uploadId');
    if (uploadId !== null) {
      this.#uploads.get(uploadId)?.parts.set(Number(query.get('partNumber')), body);
    } else if (key !== '') {
      this.#keep(key, body);
    }
    return answer('', `ETag: "${body.etag}"\r\nx-oss-hash-crc64ecma: ${body.crc64.toString()}\r\n`);
  }

  /** Begins or completes an upload. */
  #post({ key, query }: SinkHead, { metadata }: Kept): SinkAnswer {
    const uploadId = query.get('uploadId');
    const upload = uploadId === null ? undefined : this.#uploads.get(uploadId);
    if (upload === undefined || uploadId === null) {
      const id = randomUUID();
      this.#uploads.set(id, { metadata, parts: new Map() });
      return answer(`${XML}<InitiateMultipartUploadResult><Key>${key}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    this.#uploads.delete(uploadId);
    const whole = this.#joined(upload);
    this.#keep(key, whole);
    const xml = `${XML}<CompleteMultipartUploadResult><Key>${key}</Key><ETag>"${whole.etag}"</ETag></CompleteMultipartUploadResult>`;
    return answer(xml, `x-oss-hash-crc64ecma: ${whole.crc64.toString()}\r\n`);
  }

  #keep(key: string, body: Kept): void {
    if (this.#settings.keepsBodies) {
      this.#objects.set(key, body);
    }
  }

  #joined({ parts, metadata }: Upload): Kept {
    const inTurn = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    const etags = Buffer.from(inTurn.map(({ etag }) => etag).join(''), 'hex');
    return {
      metadata, chunks: inTurn.flatMap(({ chunks }) => chunks), bytes: inTurn.reduce((sum, { bytes }) => sum + bytes, 0),
      crc64: joinCrc64(inTurn),
      etag: this.#settings.withMd5 ? `${createHash('md5').update(etags).digest('hex')}-${inTurn.length}` : 'bench',
    };
  }

  /** `DELETE /bucket?prefix=…` is ours: it forgets all that begins so, at once. */
  #delete({ key, query }: SinkHead): SinkAnswer {
    const prefix = query.get('prefix');
    if (prefix !== null) {
      [...this.#objects.keys()].filter((name) => name.startsWith(prefix)).forEach((name) => this.#objects.delete(name));
    }
    this.#uploads.delete(query.get('uploadId') ?? '');
    this.#objects.delete(key);
    return ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'];
  }

  #query({ query }: SinkHead): SinkAnswer {
    return answer(query.has('stats') ? JSON.stringify(this.stats) : listing(this.#objects, query));
  }

  #head({ key }: SinkHead): SinkAnswer {
    const kept = this.#objects.get(key);
    return kept === undefined ? notFound('') : [`HTTP/1.1 200 OK\r\nContent-Length: ${kept.bytes}\r\n${facts(kept)}\r\n`];
  }

  #get({ key, headers }: SinkHead): SinkAnswer {
    const kept = this.#objects.get(key);
    if (kept === undefined) {
      return notFound(NOT_FOUND);
    }
    const [from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.get('range') ?? '')?.slice(1) ?? [];
    if (from === undefined) {
      return [`HTTP/1.1 200 OK\r\nContent-Length: ${kept.bytes}\r\n${facts(kept)}\r\n`, ...kept.chunks];
    }
    const start = Number(from);
    const end = to === undefined || to === '' ? kept.bytes : Math.min(Number(to) + 1, kept.bytes);
    return [`HTTP/1.1 206 Partial Content\r\nContent-Length: ${end - start}\r\nContent-Range: bytes ${start}-${end - 1}/${kept.bytes}\r\n${facts(kept)}\r\n`, ...cut(kept, start, end)];
  }
}

function facts({ etag, crc64, metadata }: Kept): string {
  return `ETag: "${etag}"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nx-oss-hash-crc64ecma: ${crc64.toString()}\r\n${metadata}`;
}

function cut({ chunks }: Kept, from: number, to: number): Buffer[] {
  let offset = 0;
  return chunks.flatMap((chunk) => {
    const begin = offset;
    offset += chunk.length;
    const part = offset <= from || begin >= to ? NOTHING : chunk.subarray(Math.max(0, from - begin), to - begin);
    return part.length === 0 ? [] : [part];
  });
}

/** Of HEAD, OSS sends the error document in a header. */
function notFound(body: string): SinkAnswer {
  return [`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\nx-oss-err: ${Buffer.from(NOT_FOUND).toString('base64')}\r\n\r\n${body}`];
}

function answer(body: string, headers = ''): SinkAnswer {
  return [`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`];
}
