/**
 * A server that costs next to nothing, in a process of its own so that its CPU time is apart. It speaks as much HTTP, OSS
 * and S3 (path style) as pushes and pulls need, checks no signature, and answers with right CRC-64s.
 *
 * `node sink.js [--latency MS] [--port N] [--discard] [--etag-md5] [--tls-key FILE --tls-certificate FILE]` prints
 * `{"port":N}` and serves until its standard input ends. `GET /?stats` answers with what it has seen.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { parseArgs } from 'node:util';
import { Crc64 } from '../../crypto/crc64.js';
import { SinkBucket } from './sink-bucket.js';
import { SinkConversation } from './sink-conversation.js';
import { reading } from './sink-socket.js';

const { values: flags } = parseArgs({
  options: {
    latency: { type: 'string', default: '0' }, port: { type: 'string', default: '0' },
    /** Swallow bodies instead of keeping them: every look-up then finds nothing. */
    discard: { type: 'boolean', default: false },
    /** ETags are MD5 sums, as S3 clients check them, and not a constant. */
    'etag-md5': { type: 'boolean', default: false },
    'tls-key': { type: 'string' }, 'tls-certificate': { type: 'string' },
  },
});
const settings = { keepsBodies: !flags.discard, withMd5: flags['etag-md5'], latencyMs: Number(flags.latency) };
const bucket = new SinkBucket(settings);

/** One CRC state per connection: bodies of several connections arrive interleaved. */
const serve = (accepted: Socket): void => {
  bucket.stats.connections += 1;
  const socket = reading(accepted, (data) => conversation.receive(data));
  socket.on('error', () => socket.destroy());
  const conversation = new SinkConversation({ socket, crc: Crc64.create(), bucket, settings });
};

const { 'tls-key': key, 'tls-certificate': certificate } = flags;
// A TLS server calls its listener once per finished handshake.
const server = key === undefined || certificate === undefined
  ? createServer({ noDelay: true }, serve)
  : createTlsServer({ noDelay: true, key: readFileSync(key), cert: readFileSync(certificate) }, serve);

server.listen(Number(flags.port), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : undefined })}\n`);
});
// The parent holds the other end: however it dies, nothing is left behind.
process.stdin.resume().once('end', () => {
  server.close();
  process.kill(process.pid, 'SIGTERM');
});
