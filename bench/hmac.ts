/**
 * What does an HMAC cost? `node dist/bench/hmac.js`
 *
 * µs of CPU time per HMAC-SHA-256 with a key of 32 bytes, by the size of the message: `createHmac`, and what Sealift does.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { hmac, hmacHex } from '../src/crypto/hmac.js';
import { machine, mustHold, printRow, timed } from './machine.js';

/** Label of a derived key, what a signature is of, what a commitment binds. */
const SIZES = [16, 200, 1000];
const key = randomBytes(32);
const messages = SIZES.map((bytes) => randomBytes(bytes));

console.log(`${machine()}\nµs of CPU per HMAC, median of 5 rounds`);
printRow('message', SIZES.map((bytes) => `${bytes} bytes`));
for (const message of messages) {
  mustHold(hmac(key, message).equals(createHmac('sha256', key).update(message).digest()), 'both make the same HMAC');
}
await row('createHmac, to a buffer', (message) => createHmac('sha256', key).update(message).digest());
await row('two hashes, to a buffer', (message) => hmac(key, message));
await row('createHmac, to hex', (message) => createHmac('sha256', key).update(message).digest('hex'));
await row('two hashes, to hex', (message) => hmacHex(key, message));

async function row(name: string, work: (message: Buffer) => unknown): Promise<void> {
  const figures: number[] = [];
  for (const message of messages) {
    figures.push((await timed(() => work(message))).cpuSeconds * 1e6);
  }
  printRow(name, figures);
}
