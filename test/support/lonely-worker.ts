import { getEnvironmentData } from 'node:worker_threads';

/** A worker that loads in one thread only. */
if (Atomics.add(new Int32Array(getEnvironmentData('lonely') as SharedArrayBuffer), 0, 1) > 0) {
  throw new Error('another thread is here already');
}

export default function run(): string {
  return 'here';
}
