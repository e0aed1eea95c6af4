/**
 * node:crypto returns every output in a buffer of its own, and what this leaves behind is only collected when tens of
 * megabytes have piled up: by then it has left the cache, and the heap has grown by it. Whoever owns the thread may have
 * it collected earlier.
 */
let sinceBytes = 0;
let limitBytes = Infinity;
let collect: () => void = () => undefined;

/** Counts bytes of buffers that nobody will look at again. */
export function spent(bytes: number): void {
  sinceBytes += bytes;
  if (sinceBytes >= limitBytes) {
    sinceBytes = 0;
    collect();
  }
}

/** Has `action` called after every so many spent bytes, in this thread. */
export function collectSpent(everyBytes: number, action: () => void): void {
  limitBytes = everyBytes;
  collect = action;
}
