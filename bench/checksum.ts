/**
 * What does a checksum cost? `node dist/bench/checksum.js`
 *
 * GiB per second of CPU time, one thread: CRC-64 as Sealift computes it and as hash-wasm does, MD5, SHA-1 and SHA-256.
 */
import { createHash, randomFillSync } from 'node:crypto';
import { createCRC64 } from 'hash-wasm';
import { Crc64 } from '../src/crypto/crc64.js';
import { GiB, KiB, MiB } from '../src/limits.js';
import { machine, mustHold, printRow, timed } from './machine.js';

const SIZES = [4 * KiB, 64 * KiB, 8 * MiB];
const buffers = SIZES.map((bytes) => randomFillSync(Buffer.allocUnsafeSlow(bytes)));
const ours = Crc64.create();
const library = await createCRC64();

for (const data of buffers) {
  mustHold(ours.digestOf(data) === BigInt(`0x${library.init().update(data).digest()}`), 'the two CRC-64s differ');
}
console.log(`${machine()}\nGiB per CPU second, median of 5 rounds`);
printRow('buffer', SIZES.map((bytes) => (bytes < MiB ? `${bytes / KiB} KiB` : `${bytes / MiB} MiB`)));
await row('CRC-64, Crc64.digestOf', (data) => ours.digestOf(data));
await row('CRC-64, hash-wasm', (data) => library.init().update(data).digest());
for (const name of ['md5', 'sha1', 'sha256']) {
  await row(name, (data) => createHash(name).update(data).digest());
}

async function row(name: string, work: (data: Buffer) => unknown): Promise<void> {
  const speeds: number[] = [];
  for (const data of buffers) {
    speeds.push(data.length / GiB / (await timed(() => work(data))).cpuSeconds);
  }
  printRow(name, speeds);
}
