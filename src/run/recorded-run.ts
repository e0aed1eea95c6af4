import type { Manifest } from '../manifest/manifest.js';
import type { Effective } from './events.js';
import type { RunResult } from './options.js';
import { resultOf } from './run-result.js';
import { Session, type SessionParts } from './session.js';
import type { Tally } from './tally.js';

interface Recorded {
  readonly manifest: Manifest;
  readonly tally: Tally;
  readonly prepared: SessionParts & { readonly effective: Effective };
  readonly signal: AbortSignal | undefined;
}

/** A session whose outcome a manifest keeps: start event, work, closing record, summary. The manifest is released whatever happens. */
export async function recordedRun({ manifest, tally, prepared, signal }: Recorded, work: (session: Session) => Promise<void>): Promise<RunResult> {
  const stopped = await orRelease(manifest, async () => {
    manifest.warnings.forEach((warning) => tally.notice('warning', warning));
    tally.emit({ event: 'start', run: manifest.head.run, manifest: manifest.file, effective: prepared.effective });
    return await Session.with(signal, { ...prepared, tally }, async (session) => {
      await work(session);
      return session.stopped;
    });
  });
  const complete = stopped === undefined && tally.counters.failed === 0;
  await manifest.close({ time: new Date().toISOString(), ...tally.counters, exitCode: tally.exitCode, complete });
  tally.close();
  return resultOf(tally, { run: manifest.head.run, manifest: manifest.file, complete });
}

async function orRelease<T>(manifest: Manifest, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await manifest.release();
    throw error;
  }
}
