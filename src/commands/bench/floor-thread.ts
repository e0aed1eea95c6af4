/**
 * A thread of the floor. What it sends opens like any sealed object, and what it pulls is checked as the format asks, because a
 * floor that does less would be none; everything else is left out: no walk, no manifest, no retries, no signatures, no checks
 * of the source, no strict grammar.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { FloorPull } from './floor-pull.js';
import { FloorPush } from './floor-push.js';
import { FloorSocket } from './floor-socket.js';
import type { FloorWork } from './floor.js';

const { job, pieces } = workerData as FloorWork;
const privateKey = createPrivateKey(readFileSync(job.keyFile));
const mover = job.operation === 'push' ? new FloorPush(job, createPublicKey(privateKey)) : new FloorPull(job, privateKey);
const port = Number(new URL(job.target.endpoint ?? '').port);
let next = 0;

await Promise.all(Array.from({ length: job.concurrency }, slot));

async function slot(): Promise<void> {
  const socket = new FloorSocket(port);
  for (let piece = pieces[next]; piece !== undefined; piece = pieces[next]) {
    next += 1;
    await mover.move(piece, socket);
  }
  socket.close();
}
