/**
 * A thread of the floor: pieces come as a message, `moved` goes back. What it sends opens like any sealed object, and what it
 * pulls is checked as the format asks, because a floor that does less would be none; everything else is left out: no walk, no
 * manifest, no retries, no signatures, no checks of the source, no strict grammar.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { FloorPull } from './floor-pull.js';
import { FloorPush } from './floor-push.js';
import { FloorSocket } from './floor-socket.js';
import { PIECE_BYTES, type FloorWork, type Piece } from './floor.js';

/** Of one thread: more at once only costs memory. */
const IN_FLIGHT_BYTES = 4 * PIECE_BYTES;

parentPort?.on('message', (work: FloorWork) => void moveAll(work));

async function moveAll({ job, pieces }: FloorWork): Promise<void> {
  const privateKey = createPrivateKey(readFileSync(job.keyFile));
  const largest = pieces.reduce((most, { bytes }) => Math.max(most, bytes), 1);
  const mover = job.operation === 'push' ? new FloorPush(job, createPublicKey(privateKey), largest) : new FloorPull(job, privateKey);
  const port = Number(new URL(job.target.endpoint ?? '').port);
  const queue = pieces.values();
  const slots = Math.min(job.concurrency, Math.ceil(IN_FLIGHT_BYTES / largest));
  await Promise.all(Array.from({ length: slots }, () => slot(queue, mover, port)));
  parentPort?.postMessage('moved');
}

/** Many of them take from one queue. */
async function slot(queue: IterableIterator<Piece>, mover: FloorPull | FloorPush, port: number): Promise<void> {
  const socket = new FloorSocket(port);
  for (const piece of queue) {
    await mover.move(piece, socket);
  }
  socket.close();
}
