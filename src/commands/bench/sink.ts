/**
 * A server that costs next to nothing, in a process of its own so that its CPU time is apart: it speaks as much HTTP and
 * OSS as pushes and pulls need, checks no signature, keeps bodies as they arrived in memory and answers with right CRC-64s.
 *
 * `node sink.js [latency in ms]` prints `{"port":N}` and serves until its standard input ends.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { combineCrc64, Crc64 } from '../../crypto/crc64.js';

const HEADERS_END = Buffer.from('\r\n\r\n');
const XML = '<?xml version="1.0"?>';
const NOT_FOUND = `${XML}<Error><Code>NoSuchKey</Code><Message>not kept</Message></Error>`;
const LIST_PAGE = 1000;
const NOTHING: Buffer = Buffer.alloc(0);

interface Head {
  readonly method: string;
  /** Without the bucket, still percent-encoded. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly bodyBytes: number;
  readonly range: string | undefined;
  /** `x-oss-meta-…` lines, verbatim. */
  readonly metadata: string;
}

interface Kept {
  readonly chunks: readonly Buffer[];
  readonly bytes: number;
  readonly crc64: bigint;
  readonly metadata: string;
}

const objects = new Map<string, Kept>();
const uploads = new Map<string, { readonly metadata: string; readonly parts: Map<number, Kept> }>();
const stats = { requests: 0, puts: 0, bodyBytes: 0, connections: 0 };
const latencyMs = Number(process.argv[2] ?? 0);

/** One connection: heads and bodies in turn. */
class Conversation {
  readonly #socket: Socket;
  readonly #crc: Crc64;
  #pending: Buffer = NOTHING;
  #head: Head | undefined;
  #chunks: Buffer[] = [];
  #left = 0;

  constructor(socket: Socket, crc: Crc64) {
    this.#socket = socket;
    this.#crc = crc;
  }

  receive(data: Buffer): void {
    let rest = data;
    while (rest.length > 0) {
      rest = this.#head === undefined ? this.#receiveHead(rest) : this.#receiveBody(rest, this.#head);
    }
  }

  #receiveHead(data: Buffer): Buffer {
    const text = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    const end = text.indexOf(HEADERS_END);
    this.#pending = end === -1 ? text : NOTHING;
    if (end === -1) {
      return NOTHING;
    }
    const head = parseHead(text.toString('latin1', 0, end));
    this.#head = head;
    this.#left = head.bodyBytes;
    this.#chunks = [];
    this.#crc.start();
    stats.requests += 1;
    this.#finishIfWhole(head);
    return text.subarray(end + HEADERS_END.length);
  }

  #receiveBody(data: Buffer, head: Head): Buffer {
    const body = data.subarray(0, this.#left);
    this.#crc.update(body);
    this.#chunks.push(body);
    this.#left -= body.length;
    stats.bodyBytes += body.length;
    this.#finishIfWhole(head);
    return data.subarray(body.length);
  }

  #finishIfWhole(head: Head): void {
    if (this.#left > 0) {
      return;
    }
    this.#head = undefined;
    const answer = respond(head, { chunks: this.#chunks, bytes: head.bodyBytes, crc64: this.#crc.digest(), metadata: head.metadata });
    if (latencyMs === 0) {
      this.#send(answer);
    } else {
      setTimeout(() => this.#send(answer), latencyMs);
    }
  }

  #send([first, ...rest]: readonly (Buffer | string)[]): void {
    this.#socket.cork();
    this.#socket.write(first ?? '');
    rest.forEach((chunk) => this.#socket.write(chunk));
    this.#socket.uncork();
  }
}

function parseHead(text: string): Head {
  const lines = text.split('\r\n');
  const [method = '', target = ''] = (lines[0] ?? '').split(' ');
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  const slash = path.indexOf('/', 1);
  const field = (name: string): string | undefined => lines.find((line) => line.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 1).trim();
  return {
    method, key: slash === -1 ? '' : path.slice(slash + 1),
    query: new URLSearchParams(question === -1 ? '' : target.slice(question + 1)),
    bodyBytes: Number(field('content-length') ?? 0), range: field('range'),
    metadata: method === 'PUT' || method === 'POST' ? lines.filter((line) => line.startsWith('x-oss-meta-')).map((line) => `${line}\r\n`).join('') : '',
  };
}

function respond(head: Head, body: Kept): readonly (Buffer | string)[] {
  switch (head.method) {
    case 'PUT':
      return put(head, body);
    case 'POST':
      return post(head);
    case 'HEAD':
    case 'GET':
      return get(head);
    default:
      objects.delete(head.key);
      return ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'];
  }
}

function put({ key, query }: Head, body: Kept): readonly string[] {
  stats.puts += 1;
  const uploadId = query.get('uploadId');
  if (uploadId === null) {
    objects.set(key, body);
  } else {
    uploads.get(uploadId)?.parts.set(Number(query.get('partNumber')), body);
  }
  return [`HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "bench"\r\nx-oss-hash-crc64ecma: ${body.crc64.toString()}\r\n\r\n`];
}

function post({ key, query, metadata }: Head): readonly string[] {
  if (query.has('forget')) {
    [...objects.keys()].filter((name) => name.startsWith(key)).forEach((name) => objects.delete(name));
    return answer('');
  }
  const uploadId = query.get('uploadId');
  const upload = uploadId === null ? undefined : uploads.get(uploadId);
  if (upload === undefined || uploadId === null) {
    const id = randomUUID();
    uploads.set(id, { metadata, parts: new Map() });
    return answer(`${XML}<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }
  uploads.delete(uploadId);
  const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
  const whole = parts.reduce<Kept>(joined, { chunks: [], bytes: 0, crc64: 0n, metadata: upload.metadata });
  objects.set(key, { ...whole, chunks: parts.flatMap(({ chunks }) => chunks) });
  const xml = `${XML}<CompleteMultipartUploadResult><ETag>"bench"</ETag></CompleteMultipartUploadResult>`;
  return answer(xml, `x-oss-hash-crc64ecma: ${whole.crc64.toString()}\r\n`);
}

function joined(whole: Kept, part: Kept): Kept {
  return { ...whole, bytes: whole.bytes + part.bytes, crc64: combineCrc64(whole.crc64, part.crc64, part.bytes) };
}

function get({ method, key, query, range }: Head): readonly (Buffer | string)[] {
  if (key === '') {
    return answer(query.has('stats') ? JSON.stringify(stats) : listing(query));
  }
  const kept = objects.get(key);
  if (kept === undefined) {
    const error = `x-oss-err: ${Buffer.from(NOT_FOUND).toString('base64')}\r\n`;
    return [`HTTP/1.1 404 Not Found\r\nContent-Length: ${method === 'HEAD' ? 0 : NOT_FOUND.length}\r\n${error}\r\n${method === 'HEAD' ? '' : NOT_FOUND}`];
  }
  const facts = `ETag: "bench"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nx-oss-hash-crc64ecma: ${kept.crc64.toString()}\r\n${kept.metadata}`;
  const [from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '')?.slice(1).map(Number) ?? [];
  if (method === 'HEAD' || from === undefined || to === undefined) {
    return [`HTTP/1.1 200 OK\r\nContent-Length: ${kept.bytes}\r\n${facts}\r\n`, ...(method === 'HEAD' ? [] : kept.chunks)];
  }
  const end = Math.min(to + 1, kept.bytes);
  return [`HTTP/1.1 206 Partial Content\r\nContent-Length: ${end - from}\r\nContent-Range: bytes ${from}-${end - 1}/${kept.bytes}\r\n${facts}\r\n`, ...cut(kept, from, end)];
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

let sorted: string[] = [];

function listing(query: URLSearchParams): string {
  const after = query.get('continuation-token');
  if (after === null) {
    sorted = [...objects.keys()].sort();
  }
  const prefix = query.get('prefix') ?? '';
  const rest = sorted.filter((key) => key.startsWith(prefix) && (after === null || key > after));
  const page = rest.slice(0, LIST_PAGE).map((key) => {
    const bytes = objects.get(key)?.bytes ?? 0;
    return `<Contents><Key>${key}</Key><Size>${bytes}</Size><ETag>"bench"</ETag><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>`;
  });
  const isTruncated = rest.length > LIST_PAGE;
  const next = isTruncated ? `<NextContinuationToken>${rest[LIST_PAGE - 1] ?? ''}</NextContinuationToken>` : '';
  return `${XML}<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${String(isTruncated)}</IsTruncated>${next}${page.join('')}</ListBucketResult>`;
}

function answer(body: string, headers = ''): readonly string[] {
  return [`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`];
}

/** One CRC state per connection: bodies of several connections arrive interleaved. */
const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
  stats.connections += 1;
  socket.on('error', () => socket.destroy());
  void Crc64.create().then((crc) => {
    const conversation = new Conversation(socket, crc);
    socket.on('data', (data: Buffer) => conversation.receive(data));
    socket.resume();
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : undefined })}\n`);
});
// The parent holds the other end: however it dies, nothing is left behind.
process.stdin.resume().once('end', () => {
  server.close();
  process.exitCode = 0;
  process.kill(process.pid, 'SIGTERM');
});
