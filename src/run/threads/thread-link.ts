import { BroadcastChannel, threadId } from 'node:worker_threads';
import type { StartBlock } from '../../crypto/start-block.js';
import { fromFailure } from '../../errors.js';
import { StartCache } from '../../keys/start-cache.js';
import { COORDINATOR_KMS_SHARE } from '../../limits.js';
import type { Bandwidth } from '../../store/bandwidth.js';
import { RenewedCredentials } from '../../store/credentials-renewal.js';
import type { Credentials } from '../options.js';
import { startFromPlain, startToPlain, type ThreadCommons, type ThreadMessage, type ToHub, type ToWorker } from './thread-commons.js';

type Question = Pick<Extract<ToHub, { asks: 'credentials' }>, 'asks' | 'refused'> | Pick<Extract<ToHub, { asks: 'start' }>, 'asks' | 'name'>;

interface LinkOptions {
  readonly onEnd?: () => void;
  readonly from?: number;
  readonly bandwidth?: Bandwidth | undefined;
}

/** A worker's side of what threads share: it keeps what it was told, and asks the coordinator for the rest. */
export class ThreadLink implements ThreadCommons {
  readonly kmsShare: number;
  readonly bandwidth: Bandwidth | undefined;
  readonly #channel: BroadcastChannel;
  readonly #from: number;
  readonly #waiting = new Map<number, (answer: ToWorker) => void>();
  readonly #credentials: RenewedCredentials;
  readonly #starts = new StartCache();
  readonly #onEnd: () => void;
  #questions = 0;

  /** `threads` is the number of workers that share the calls; `from` tells this one from the others. */
  constructor(channel: string, threads: number, { onEnd = () => undefined, from = threadId, bandwidth }: LinkOptions = {}) {
    this.bandwidth = bandwidth;
    this.#onEnd = onEnd;
    this.kmsShare = (1 - COORDINATOR_KMS_SHARE) / threads;
    this.#from = from;
    this.#credentials = new RenewedCredentials((refused) => this.#fetchCredentials(refused));
    this.#channel = new BroadcastChannel(channel);
    this.#channel.onmessage = (event) => this.#receive((event as { readonly data: ThreadMessage }).data);
    this.#channel.unref();
  }

  readonly credentials = (refused?: Credentials): Promise<Credentials> => this.#credentials.get(refused);

  async get(name: string, unwrap: () => Promise<StartBlock | null>): Promise<StartBlock | null> {
    return await this.#starts.get(name, async () => {
      const id = this.#nextId();
      const answer = await this.#ask(id, { asks: 'start', name });
      switch (answer.says) {
        case 'start':
          return startFromPlain(answer.start);
        case 'unwrap-for-all':
          return await this.#unwrapForAll(id, unwrap);
        default:
          return await unwrap();
      }
    });
  }

  close(): void {
    this.#channel.close();
  }

  async #fetchCredentials(refused: Credentials | undefined): Promise<Credentials> {
    const answer = await this.#ask(this.#nextId(), { asks: 'credentials', ...(refused === undefined ? {} : { refused }) });
    if (answer.says === 'failure') {
      throw fromFailure(answer.failure);
    }
    if (answer.says !== 'credentials') {
      throw new TypeError(`asked for credentials, told ${answer.says}`);
    }
    return answer.credentials;
  }

  async #unwrapForAll(id: number, unwrap: () => Promise<StartBlock | null>): Promise<StartBlock | null> {
    let start: StartBlock | null = null;
    try {
      start = await unwrap();
      return start;
    } finally {
      this.#channel.postMessage({ to: 'hub', from: this.#from, id, asks: 'nothing', start: start === null ? null : startToPlain(start) } satisfies ToHub);
    }
  }

  async #ask(id: number, question: Question): Promise<ToWorker> {
    return await new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#channel.postMessage({ to: 'hub', from: this.#from, id, ...question } satisfies ToHub);
    });
  }

  #receive(message: ThreadMessage): void {
    if (message.to === 'end') {
      this.close();
      this.#onEnd();
      return;
    }
    if (message.to === 'stop') {
      this.bandwidth?.close();
      return;
    }
    if (message.to === 'all') {
      this.#credentials.distrust(message.refused);
      return;
    }
    if (message.to !== this.#from) {
      return;
    }
    this.#waiting.get(message.id)?.(message);
    this.#waiting.delete(message.id);
  }

  #nextId(): number {
    this.#questions += 1;
    return this.#questions;
  }
}
