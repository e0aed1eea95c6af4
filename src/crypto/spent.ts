/**
 * node:crypto returns every output in a buffer of its own, and so do sockets; what this leaves behind is only collected
 * when tens of megabytes have piled up: by then it has left the cache, and the heap has grown by it. Whoever owns the
 * thread may have it used again earlier.
 */
let reclaim: (buffer: Buffer) => void = () => undefined;

/** Takes a buffer that nobody will look at again, whatever else shares its memory. */
export function spent(buffer: Buffer): void {
  reclaim(buffer);
}

/** Has `action` called with every spent buffer, in this thread. */
export function reclaimSpent(action: (buffer: Buffer) => void): void {
  reclaim = action;
}
