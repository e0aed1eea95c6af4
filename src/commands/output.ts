import { once } from 'node:events';

/** Writes and waits while the reader is slow. False once the reader has gone away: then there is no point in going on. */
export async function writeTo(output: NodeJS.WriteStream, data: string | Uint8Array): Promise<boolean> {
  if (isGone(output)) {
    return false;
  }
  if (!output.write(data)) {
    await drained(output);
  }
  return !isGone(output);
}

/** Whichever comes first, and no listener stays: a long text has a pause for every few kilobytes. */
async function drained(output: NodeJS.WriteStream): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(output, 'drain', { signal }), once(output, 'close', { signal })]).catch(() => undefined).finally(() => over.abort());
}

function isGone(output: NodeJS.WriteStream): boolean {
  return output.destroyed || output.writableEnded || output.errored !== null;
}
