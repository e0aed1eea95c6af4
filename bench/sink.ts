/**
 * A server that swallows uploads: it speaks as much HTTP and OSS as a push needs, stores nothing, checks no signature, and
 * answers with the right checksums as cheaply as it can, so that a bench measures the client.
 *
 * In a process of its own: `node dist/bench/sink.js` prints `{"port":N}` and serves until it is killed. A client may save
 * it the computation of a body's CRC-64 by naming it (see echo.ts); without that header it is computed.
 */
import { createServer, type Socket } from 'node:net';
import { Crc64 } from '../src/crypto/crc64.js';

/** Request header with the decimal CRC-64 of the body, in lower case. */
export const CRC_HEADER = 'x-bench-crc64';

const HEADERS_END = Buffer.from('\r\n\r\n');
const UPLOAD = '<?xml version="1.0"?><InitiateMultipartUploadResult><UploadId>bench</UploadId></InitiateMultipartUploadResult>';
const COMPLETE = '<?xml version="1.0"?><CompleteMultipartUploadResult><ETag>"bench-1"</ETag></CompleteMultipartUploadResult>';
const EMPTY_LIST = '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';
const NOT_FOUND = Buffer.from('<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>swallowed</Message></Error>').toString('base64');

interface Head {
  readonly method: string;
  readonly target: string;
  readonly bodyBytes: number;
  readonly crc64: string | undefined;
}

/** What the sink has seen; `GET /?stats` answers with it as JSON. */
const stats = { requests: 0, bodyBytes: 0, puts: 0 };

/** One connection: heads and bodies in turn. */
class Conversation {
  readonly #socket: Socket;
  readonly #crc: Crc64;
  #pending: Buffer = Buffer.alloc(0);
  #head: Head | undefined;
  #left = 0;

  constructor(socket: Socket, crc: Crc64) {
    this.#socket = socket;
    this.#crc = crc;
  }

  receive(data: Buffer): void {
    let rest = data;
    while (rest.length > 0) {
      rest = this.#head === undefined ? this.#receiveHead(rest) : this.#receiveBody(rest);
    }
  }

  #receiveHead(data: Buffer): Buffer {
    const text = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    const end = text.indexOf(HEADERS_END);
    if (end === -1) {
      this.#pending = text;
      return Buffer.alloc(0);
    }
    this.#pending = Buffer.alloc(0);
    this.#begin(parseHead(text.toString('latin1', 0, end)));
    return text.subarray(end + HEADERS_END.length);
  }

  #begin(head: Head): void {
    this.#head = head;
    this.#left = head.bodyBytes;
    stats.requests += 1;
    if (needsCrc(head)) {
      this.#crc.start();
    }
    this.#finishIfWhole();
  }

  #receiveBody(data: Buffer): Buffer {
    const body = data.subarray(0, this.#left);
    if (this.#head !== undefined && needsCrc(this.#head)) {
      this.#crc.update(body);
    }
    this.#left -= body.length;
    stats.bodyBytes += body.length;
    this.#finishIfWhole();
    return data.subarray(body.length);
  }

  #finishIfWhole(): void {
    if (this.#head !== undefined && this.#left === 0) {
      const head = this.#head;
      this.#head = undefined;
      this.#socket.write(this.#answerTo(head));
    }
  }

  #answerTo(head: Head): string {
    const { method, target } = head;
    if (method === 'PUT') {
      stats.puts += 1;
      const crc64 = head.crc64 ?? this.#crc.digest().toString();
      return answer('200 OK', '', `ETag: "bench"\r\nx-oss-hash-crc64ecma: ${crc64}\r\n`);
    }
    if (method === 'HEAD') {
      return `HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nx-oss-err: ${NOT_FOUND}\r\n\r\n`;
    }
    if (method === 'POST') {
      return answer('200 OK', target.includes('uploadId=') ? COMPLETE : UPLOAD);
    }
    return method === 'GET' ? answer('200 OK', target === '/?stats' ? JSON.stringify(stats) : EMPTY_LIST) : answer('204 No Content', '');
  }
}

function needsCrc({ method, crc64 }: Head): boolean {
  return method === 'PUT' && crc64 === undefined;
}

function parseHead(text: string): Head {
  const [requestLine = '', ...lines] = text.split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return { method, target, bodyBytes: Number(headers.get('content-length') ?? 0), crc64: headers.get(CRC_HEADER) };
}

function answer(status: string, body: string, headers = ''): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

/** One CRC state per connection: bodies of several connections arrive interleaved. */
const server = createServer({ noDelay: true }, (socket) => {
  void Crc64.create().then((crc) => {
    const conversation = new Conversation(socket, crc);
    socket.on('data', (data: Buffer) => conversation.receive(data));
  });
  socket.on('error', () => socket.destroy());
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const address = server.address();
  console.log(JSON.stringify({ port: typeof address === 'object' ? address?.port : undefined }));
});
