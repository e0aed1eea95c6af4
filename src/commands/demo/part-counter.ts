import type { RequestRecord } from '../../local/request-log.js';

/** Counts the parts that reached the embedded cloud, and notices when one that was confirmed comes again. */
export class PartCounter {
  readonly #confirmedBefore = new Set<string>();
  #confirmed = new Set<string>();
  #repeated = 0;
  #goal: { readonly count: number; readonly controller: AbortController } | undefined;

  /** Parts confirmed in this session. */
  get count(): number {
    return this.#confirmed.size;
  }

  /** Parts of this session that an earlier one had been told were there. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Aborted as soon as so many parts are confirmed. */
  reached(count: number): AbortSignal {
    const controller = new AbortController();
    this.#goal = { count, controller };
    return controller.signal;
  }

  nextSession(): void {
    this.#confirmed.forEach((part) => this.#confirmedBefore.add(part));
    this.#confirmed = new Set();
    this.#goal = undefined;
  }

  readonly observe = (request: RequestRecord): void => {
    const part = partOf(request);
    if (part === undefined) {
      return;
    }
    this.#repeated += this.#confirmedBefore.has(part) ? 1 : 0;
    this.#confirmed.add(part);
    if (this.#goal !== undefined && this.#confirmed.size >= this.#goal.count) {
      this.#goal.controller.abort();
    }
  };
}

function partOf({ operation, key, uploadId, partNumber, status }: RequestRecord): string | undefined {
  return operation === 'UploadPart' && status === 200 ? `${key} ${uploadId ?? ''} ${partNumber ?? 0}` : undefined;
}
