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
import type { FloorWork, Piece } from './floor.js';

parentPort?.on('message', (work: FloorWork) => void moveAll(work));

async function moveAll({ job, pieces }: FloorWork): Promise<void> {
  const privateKey = createPrivateKey(readFileSync(job.keyFile));
  const mover = job.operation === 'push' ? new FloorPush(job, createPublicKey(privateKey)) : new FloorPull(job, privateKey);
  const port = Number(new URL(job.target.endpoint ?? '').port);
  const queue = pieces.values();
  await Promise.all(Array.from({ length: job.concurrency }, () => slot(queue, mover, port)));
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
