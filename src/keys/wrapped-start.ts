import { hash } from 'node:crypto';

import { StartBlock } from '../crypto/start-block.js';
import { MasterKeyError } from '../errors.js';
import { MAX_OBJECTS_PER_WRAPPED_START } from '../limits.js';
import { SharedCall } from './shared-call.js';
import type { IssuedKey, KeyWrapper } from './wrapper.js';

/** Everything one object needs to be sealed: a data key of its own and a start block it may share. */
export interface ObjectKeys {
  readonly issued: IssuedKey;
  readonly startBlock: StartBlock;
  readonly wrappedStart: string;
}

interface Window {
  readonly startBlock: StartBlock;
  readonly wrapping: SharedCall<string>;
  /** Digests of data keys, and wrapped keys as they are. */
  readonly issued: Set<string>;
  claimed: number;
}

/**
 * Keys for the objects of one worker. One wrapped start block serves up to 256 of them, which halves RSA operations and
 * KMS calls; that is safe only because every data key is fresh, so a repeated one is refused.
 *
 * Concurrent calls share one wrapping of the start block, which goes on while one of them is not aborted; a failed wrapping
 * is not kept.
 */
export class SharedStart {
  readonly #wrapper: KeyWrapper;
  readonly #prepared: Promise<ObjectKeys>[] = [];
  #window: Window | undefined;

  constructor(wrapper: KeyWrapper) {
    this.#wrapper = wrapper;
  }

  /**
   * Sees to it that keys for `count` objects are made or on their way: calls to a KMS overlap with the reading of files, and
   * RSA operations in a row find their code in the caches of the processor. Ask only for objects that are certain to be
   * sealed: each costs a call or an operation. Failures show in {@link next}.
   */
  prepare(count: number): void {
    while (this.#prepared.length < count) {
      const keys = this.#issue();
      keys.catch(() => undefined);
      this.#prepared.push(keys);
    }
  }

  /**
   * The signal goes to the wrapper, unless keys are prepared. Rejects with what the wrapper throws, and with MasterKeyError
   * `internal` when a data key or its wrapped form repeats.
   */
  next(signal?: AbortSignal): Promise<ObjectKeys> {
    return this.#prepared.shift() ?? this.#issue(signal);
  }

  /** Wipes prepared keys that nobody took. */
  async close(): Promise<void> {
    for (const keys of await Promise.allSettled(this.#prepared.splice(0))) {
      if (keys.status === 'fulfilled') {
        keys.value.issued.dataKey.wipe();
      }
    }
  }

  async #issue(signal?: AbortSignal): Promise<ObjectKeys> {
    const window = this.#claim();
    const issuing = this.#wrapper.issueDataKey(signal);
    issuing.catch(() => undefined);
    let wrappedStart: string;
    try {
      wrappedStart = await window.wrapping.wait(signal);
    } catch (error) {
      this.#window = this.#window === window ? undefined : this.#window;
      await discard(issuing);
      throw error;
    }
    return { issued: this.#refuseRepeated(window, await issuing), startBlock: window.startBlock, wrappedStart };
  }

  #claim(): Window {
    if (this.#window === undefined || this.#window.wrapping.isAbandoned || this.#window.claimed >= MAX_OBJECTS_PER_WRAPPED_START) {
      const startBlock = StartBlock.generate();
      const wrapping = new SharedCall((signal) => this.#wrapper.wrapStart(startBlock, signal));
      this.#window = { startBlock, wrapping, issued: new Set(), claimed: 0 };
    }
    this.#window.claimed += 1;
    return this.#window;
  }

  #refuseRepeated(window: Window, issued: IssuedKey): IssuedKey {
    const { dataKey, wrappedKey } = issued;
    const digest = hash('sha256', dataKey.bytes, 'base64');
    if (window.issued.has(digest) || window.issued.has(wrappedKey)) {
      dataKey.wipe();
      throw new MasterKeyError('internal', `master key ${this.#wrapper.fingerprint} issued one data key twice: nothing was sealed with the second`, {
        object: this.#wrapper.fingerprint,
        remedy: 'Sealing two objects with it would expose both. Find out why the random source or the KMS repeats itself.',
      });
    }
    window.issued.add(digest).add(wrappedKey);
    return issued;
  }
}

async function discard(issuing: Promise<IssuedKey>): Promise<void> {
  await issuing.then(({ dataKey }) => dataKey.wipe(), () => undefined);
}
