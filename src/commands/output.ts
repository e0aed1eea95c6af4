import { once } from 'node:events';

/** Writes and waits while the reader is slow. False once the reader has gone away: then there is no point in going on. */
export async function writeTo(output: NodeJS.WriteStream, data: string | Uint8Array): Promise<boolean> {
  if (isGone(output)) {
    return false;
  }
  if (!output.write(data)) {
    await Promise.race([once(output, 'drain'), once(output, 'close')]).catch(() => undefined);
  }
  return !isGone(output);
}

function isGone(output: NodeJS.WriteStream): boolean {
  return output.destroyed || output.writableEnded || output.errored !== null;
}
