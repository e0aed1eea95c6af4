/** Events for programs: one JSON object per line. */
import { toCause, type Cause } from '../errors.js';
import type { RunEvent, SummaryEvent } from '../run/events.js';
import type { Output } from './display.js';

/** Version of the event lines; a field may be added to an event without raising it. */
export const EVENT_VERSION = 1;

/** `{"v":1,"event":…,"time":…,…}` and a newline; `time` is ISO 8601 in UTC. */
export function jsonLine(event: { readonly event: string }, time: Date): string {
  const { event: name, ...fields } = event;
  return `${JSON.stringify({ v: EVENT_VERSION, event: name, time: time.toISOString(), ...fields })}\n`;
}

/** What ended a command before it could count anything. */
export interface StoppedBy extends Cause {
  readonly exitCode: number;
}

/** What `sealift status` says of a run as a whole. */
export interface StatusEvent {
  readonly event: 'status';
  readonly run: string;
  readonly kind: 'push' | 'pull';
  readonly manifest: string;
  readonly complete: boolean;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  /** Begun and not finished. */
  readonly left: number;
  /** Plaintext bytes of what is done. */
  readonly bytes: number;
}

/** The last event of a command that ended before it could start: nothing counted, and why. */
export function emptySummary(stopped: StoppedBy): SummaryEvent {
  return { event: 'summary', scanned: 0, done: 0, skipped: 0, failed: 0, bytes: 0, exitCode: stopped.exitCode, error: toCause(stopped) };
}

export function createJsonWriter(output: Output, clock: () => Date): (event: RunEvent | StatusEvent) => void {
  return (event) => void output.write(jsonLine(event, clock()));
}
