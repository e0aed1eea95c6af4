/**
 * What does sealing cost by the size of the buffer? `node dist/bench/seal.js`
 *
 * GiB per second of CPU time, one thread: the bare cipher with one update per buffer, 64 KiB updates into a buffer that is
 * used again, GMAC alone, and what Sealift does, which is the last two together.
 */
import { createCipheriv, randomBytes, randomFillSync } from 'node:crypto';
import { DataKey } from '../src/crypto/data-key.js';
import { openInPlace } from '../src/crypto/open.js';
import { sealInPlace } from '../src/crypto/seal.js';
import { StartBlock } from '../src/crypto/start-block.js';
import { CIPHER_CHUNK_BYTES, GiB, KiB, MiB } from '../src/limits.js';
import { machine, mustHold, printRow, timed } from './machine.js';

const SIZES = [4 * KiB, 64 * KiB, 256 * KiB, MiB, 8 * MiB, 16 * MiB];
const key = randomBytes(32);
const iv = randomBytes(12);
const start = StartBlock.generate();
const aad = Buffer.from('name');
const buffers = SIZES.map((bytes) => randomFillSync(Buffer.allocUnsafeSlow(bytes)));

console.log(`${machine()}\nGiB per CPU second, median of 5 rounds`);
printRow('buffer', SIZES.map((bytes) => (bytes < MiB ? `${bytes / KiB} KiB` : `${bytes / MiB} MiB`)));
proveSeal();
await row('AES-256-GCM, one update per buffer', (data) => createCipheriv('aes-256-gcm', key, iv).update(data));
await row('AES-256-CTR, one update per buffer', (data) => createCipheriv('aes-256-ctr', key, Buffer.concat([iv, Buffer.alloc(4)])).update(data));
await row('AES-256-GCM, 64 KiB updates, copied back', (data) => {
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  for (let at = 0; at < data.length; at += CIPHER_CHUNK_BYTES) {
    data.set(cipher.update(data.subarray(at, at + CIPHER_CHUNK_BYTES)), at);
  }
});
await row('GMAC through setAAD', (data) => createCipheriv('aes-256-gcm', key, iv).setAAD(data).final());
await row('sealInPlace with a key of its own', (data) => sealInPlace(DataKey.generate(), start, aad, data));

async function row(name: string, work: (data: Buffer) => unknown): Promise<void> {
  const speeds: number[] = [];
  for (const data of buffers) {
    speeds.push(data.length / GiB / (await timed(() => work(data))).cpuSeconds);
  }
  printRow(name, speeds);
}

function proveSeal(): void {
  for (const data of buffers) {
    const copy = Buffer.from(data);
    const dataKey = DataKey.generate();
    const authenticators = sealInPlace(dataKey, start, aad, copy);
    mustHold(!copy.equals(data), 'a sealed buffer is what it was');
    openInPlace(dataKey, start, aad, { data: copy, ...authenticators });
    mustHold(copy.equals(data), 'a sealed buffer opens to other bytes');
  }
}
