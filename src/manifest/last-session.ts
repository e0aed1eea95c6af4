import type { FileHandle } from 'node:fs/promises';
import { MiB } from '../limits.js';
import { openManifest } from './files.js';
import { chainOf, parseLine, splitLine } from './line.js';
import { readLine } from './raw-lines.js';
import type { SessionRecord } from './record.js';

const STEP_BYTES = MiB;
/** Every quote inside a value is escaped, so only a session has this. */
const MARK = '"type":"session"';
/** From a line's first byte to the mark at most: `{"seq":`, sixteen digits, a comma. */
const LEAD_BYTES = 24;
/** The end of the line before: its chain, `"}` and a newline. */
const JOINT = /([0-9a-f]{16})"\}\n\{"seq":\d{1,16},$/;
const JOINT_BYTES = 19;

/**
 * The latest session, looked for from the end: reading a whole manifest takes seconds where there are a million files. Only
 * the chain of that one line is checked, so whoever relies on more must replay the manifest. Undefined when there is none.
 *
 * @throws SealiftError `manifest-missing` when there is no such file.
 */
export async function readLastSession(file: string): Promise<SessionRecord | undefined> {
  const handle = await openManifest(file, 'r');
  try {
    const { size } = await handle.stat();
    for (let end = size; end > 0; end -= STEP_BYTES) {
      const session = await lastBetween(handle, Math.max(0, end - STEP_BYTES), end);
      if (session !== undefined) {
        return session;
      }
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

/** Of the marks that begin in this part of the file, the last one of an intact session. */
async function lastBetween(handle: FileHandle, start: number, end: number): Promise<SessionRecord | undefined> {
  const bytes = await readBytes(handle, start, end + MARK.length - 1);
  let at = bytes.lastIndexOf(MARK);
  while (at !== -1) {
    const session = await sessionMarkedAt(handle, start + at);
    if (session !== undefined) {
      return session;
    }
    // An offset of -1 would mean the last byte.
    at = at === 0 ? -1 : bytes.lastIndexOf(MARK, at - 1);
  }
  return undefined;
}

async function sessionMarkedAt(handle: FileHandle, mark: number): Promise<SessionRecord | undefined> {
  const before = await readBytes(handle, Math.max(0, mark - LEAD_BYTES - JOINT_BYTES), mark);
  const [joint, previous] = JOINT.exec(before.toString('latin1')) ?? [];
  if (joint === undefined || previous === undefined) {
    return undefined;
  }
  const line = readLine(handle.fd, mark - joint.length + JOINT_BYTES);
  const split = line === undefined ? undefined : splitLine(line);
  if (split === undefined) {
    return undefined;
  }
  const record = chainOf(previous, split.body) === split.chain ? parseLine(line) : undefined;
  return record?.type === 'session' ? record : undefined;
}

async function readBytes(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(end - start), { position: start });
  return buffer.subarray(0, bytesRead);
}
