/** One connection of the sink: heads and bodies in turn, parsed no further than they have to be. */
import { createHash, type Hash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Crc64 } from '../../crypto/crc64.js';
import type { SinkBucket } from './sink-bucket.js';
import type { Kept, SinkAnswer, SinkHead, SinkSettings } from './sink-wire.js';

/** Request header with the decimal CRC-64 of the body: a client that names it saves the sink its computation. */
export const CRC_HEADER = 'x-bench-crc64';

interface Parts {
  readonly socket: Socket;
  readonly crc: Crc64;
  readonly bucket: SinkBucket;
  readonly settings: SinkSettings;
}

const HEADERS_END = Buffer.from('\r\n\r\n');
const NOTHING: Buffer = Buffer.alloc(0);

export class SinkConversation {
  readonly #parts: Parts;
  #pending: Buffer = NOTHING;
  #head: SinkHead | undefined;
  /** Of the request under way, as far as it is kept. */
  #body: Buffer = NOTHING;
  #md5: Hash | undefined;
  #left = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @param data - overwritten as soon as this returns */
  receive(data: Buffer): void {
    let rest = data;
    while (rest.length > 0) {
      rest = this.#head === undefined ? this.#receiveHead(rest) : this.#receiveBody(rest, this.#head);
    }
  }

  #receiveHead(data: Buffer): Buffer {
    const text = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    const end = text.indexOf(HEADERS_END);
    this.#pending = end === -1 ? Buffer.from(text) : NOTHING;
    if (end === -1) {
      return NOTHING;
    }
    this.#begin(parseHead(text.toString('latin1', 0, end)));
    return text.subarray(end + HEADERS_END.length);
  }

  #begin(head: SinkHead): void {
    const { crc, socket, settings, bucket } = this.#parts;
    this.#head = head;
    this.#left = head.bodyBytes;
    this.#body = settings.keepsBodies && head.bodyBytes > 0 ? Buffer.allocUnsafeSlow(head.bodyBytes) : NOTHING;
    this.#md5 = settings.withMd5 && head.method === 'PUT' ? createHash('md5') : undefined;
    if (needsCrc(head)) {
      crc.start();
    }
    if (head.headers.get('expect') === '100-continue') {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    }
    bucket.stats.requests += 1;
    this.#finishIfWhole(head);
  }

  #receiveBody(data: Buffer, head: SinkHead): Buffer {
    const body = data.subarray(0, this.#left);
    if (needsCrc(head)) {
      this.#parts.crc.update(body);
    }
    this.#md5?.update(body);
    if (this.#parts.settings.keepsBodies) {
      body.copy(this.#body, head.bodyBytes - this.#left);
    }
    this.#left -= body.length;
    this.#parts.bucket.stats.bodyBytes += body.length;
    this.#finishIfWhole(head);
    return data.subarray(body.length);
  }

  #finishIfWhole(head: SinkHead): void {
    if (this.#left > 0) {
      return;
    }
    this.#head = undefined;
    const { bucket, settings } = this.#parts;
    const answer = bucket.respond(head, this.#received(head));
    if (settings.latencyMs === 0) {
      this.#send(answer);
    } else {
      setTimeout(() => this.#send(answer), settings.latencyMs);
    }
  }

  #received(head: SinkHead): Kept {
    const crc64 = needsCrc(head) ? this.#parts.crc.digest() : BigInt(head.headers.get(CRC_HEADER) ?? 0);
    return { chunks: [this.#body], bytes: head.bodyBytes, crc64, etag: this.#md5?.digest('hex') ?? 'bench', metadata: metadataOf(head) };
  }

  #send([first = '', ...rest]: SinkAnswer): void {
    const { socket } = this.#parts;
    if (rest.length === 0) {
      socket.write(first);
      return;
    }
    socket.cork();
    socket.write(first);
    rest.forEach((chunk) => socket.write(chunk));
    socket.uncork();
  }
}

function needsCrc({ method, headers }: SinkHead): boolean {
  return method === 'PUT' && !headers.has(CRC_HEADER);
}

/** Lines as they are sent back. */
function metadataOf({ method, headers }: SinkHead): string {
  if (method !== 'PUT' && method !== 'POST') {
    return '';
  }
  let lines = '';
  for (const [name, value] of headers) {
    if (name.startsWith('x-oss-meta-') || name.startsWith('x-amz-meta-')) {
      lines += `${name}: ${value}\r\n`;
    }
  }
  return lines;
}

function parseHead(text: string): SinkHead {
  const [requestLine = '', ...lines] = text.split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  const slash = path.indexOf('/', 1);
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return {
    method, headers, key: slash === -1 ? '' : path.slice(slash + 1),
    query: new URLSearchParams(question === -1 ? '' : target.slice(question + 1)),
    bodyBytes: Number(headers.get('content-length') ?? 0),
  };
}
