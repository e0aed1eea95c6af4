/** Aborts with whichever of two signals does so first; the one that there is costs nothing. */
export function eitherSignal(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one === undefined || other === undefined ? (one ?? other) : AbortSignal.any([one, other]);
}

const tellers = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `tell` when the signal aborts, until the returned function is called. Node warns of a leak at the eleventh listener
 * of one signal, and one signal stops all requests of a run: so each signal gets one listener, which tells everybody.
 */
export function onAbort(signal: AbortSignal | undefined, tell: () => void): () => void {
  if (signal === undefined) {
    return nothing;
  }
  const told = tellers.get(signal) ?? listenTo(signal);
  told.add(tell);
  return () => {
    told.delete(tell);
  };
}

/** A timer that ends at once when the signal aborts; it never rejects. */
export function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timeout);
      ignore();
      resolve();
    };
    const ignore = onAbort(signal, wake);
    const timeout = setTimeout(wake, milliseconds);
  });
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const told = new Set<() => void>();
  tellers.set(signal, told);
  signal.addEventListener('abort', () => [...told].forEach((tell) => tell()), { once: true });
  return told;
}

function nothing(): void {
  // There is no signal to stop listening to.
}
