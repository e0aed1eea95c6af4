import { NOTICE_INTERVAL_MS } from '../limits.js';
import type { Tally } from './tally.js';

/** Of an object of another SDK that was read because the caller accepts such objects. */
export function unauthenticatedRead(key: string): string {
  return `${key}: read unauthenticated; it may have been changed, or opened with the wrong key`;
}

/** Of objects that a manifest records which nobody has named. */
export function missingPerhaps(count: number, manifest: string): string {
  return `objects that the manifest ${manifest} records and the bucket has not got: ${count}; verify --manifest ${manifest} names them`;
}

/** Of temporary files that a pull has met and not touched, for their process was of another host or container. */
export function leftElsewhere(count: number, directory: string): string {
  const files = count === 1 ? 'a temporary file of a pull' : `${count} temporary files of pulls`;
  const them = count === 1 ? 'it' : 'them';
  return `${files} on another host, or in another container, was left alone: where none is at work any more, remove ${them} with: sealift doctor ${JSON.stringify(directory)} --remove --force`;
}

/** Passes warnings on, each text's kind once in a while: hundreds of requests fail at once when a network does. */
export class Notices {
  readonly #tally: Tally;
  readonly #now: () => number;
  #quietUntil = -Infinity;

  /** @param now - monotonic milliseconds. */
  constructor(tally: Tally, now: () => number = () => performance.now()) {
    this.#tally = tally;
    this.#now = now;
  }

  tell(message: string): void {
    const now = this.#now();
    if (now < this.#quietUntil) {
      return;
    }
    this.#quietUntil = now + NOTICE_INTERVAL_MS;
    this.#tally.notice('warning', message);
  }
}
