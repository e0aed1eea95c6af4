import { BroadcastChannel } from 'node:worker_threads';
import type { StartBlock } from '../../crypto/start-block.js';
import { toFailure } from '../../errors.js';
import { StartCache } from '../../keys/start-cache.js';
import { COORDINATOR_KMS_SHARE, START_LEASE_MS } from '../../limits.js';
import type { Bandwidth } from '../../store/bandwidth.js';
import { RenewedCredentials } from '../../store/credentials-renewal.js';
import type { Credentials, CredentialsProvider } from '../options.js';
import { startFromPlain, startToPlain, type ThreadCommons, type ThreadMessage, type ToHub, type ToWorker } from './thread-commons.js';

type Finish = (start: StartBlock | null) => void;

/**
 * The coordinator's side of what threads share. Credentials are fetched here alone, once for all. Of start blocks it
 * remembers what any thread has unwrapped; one that nobody knows is unwrapped by the first thread that asks while the
 * others wait, so that it costs one KMS call however many threads meet it.
 */
export class ThreadHub implements ThreadCommons {
  readonly kmsShare = COORDINATOR_KMS_SHARE;
  readonly bandwidth: Bandwidth | undefined;
  readonly #channel: BroadcastChannel;
  readonly #credentials: RenewedCredentials;
  readonly #starts = new StartCache();
  readonly #leases = new Map<string, Finish>();
  #isClosed = false;

  /** `channel` is the name that the workers of the run know. */
  constructor(channel: string, provider: CredentialsProvider, bandwidth?: Bandwidth) {
    this.bandwidth = bandwidth;
    this.#credentials = new RenewedCredentials(provider);
    this.#channel = new BroadcastChannel(channel);
    this.#channel.onmessage = (event) => this.#receive((event as { readonly data: ThreadMessage }).data);
    this.#channel.unref();
  }

  readonly credentials = async (refused?: Credentials): Promise<Credentials> => {
    if (refused !== undefined) {
      this.#post({ to: 'all', refused });
    }
    return await this.#credentials.get(refused);
  };

  async get(name: string, unwrap: () => Promise<StartBlock | null>): Promise<StartBlock | null> {
    return await this.#starts.get(name, unwrap);
  }

  /** Nothing new may begin: in no thread does anybody wait for the bandwidth any more, which could take longer than what is in flight. */
  stop(): void {
    if (this.bandwidth !== undefined) {
      this.bandwidth.close();
      this.#post({ to: 'stop' });
    }
  }

  /** Ends the run in every thread that knows it. */
  close(): void {
    this.#post({ to: 'end' });
    this.#isClosed = true;
    this.#channel.close();
    this.#leases.forEach((finish) => finish(null));
  }

  #receive(message: ThreadMessage): void {
    if (message.to !== 'hub') {
      return;
    }
    switch (message.asks) {
      case 'credentials':
        void this.#sendCredentials(message, message.refused);
        return;
      case 'start':
        void this.#sendStart(message, message.name);
        return;
      case 'nothing':
        this.#leases.get(leaseOf(message))?.(message.start === null ? null : startFromPlain(message.start));
    }
  }

  async #sendCredentials({ from, id }: ToHub, refused: Credentials | undefined): Promise<void> {
    try {
      this.#post({ to: from, id, says: 'credentials', credentials: await this.credentials(refused) });
    } catch (error) {
      this.#post({ to: from, id, says: 'failure', failure: toFailure(error) });
    }
  }

  async #sendStart(request: ToHub, name: string): Promise<void> {
    const { from, id } = request;
    const leased = new Set<ToHub>();
    const lease = (): Promise<StartBlock | null> => {
      leased.add(request);
      return this.#lease(request);
    };
    const start = await this.#starts.get(name, lease).catch(() => null);
    if (!leased.has(request)) {
      this.#post(start === null ? { to: from, id, says: 'unwrap' } : { to: from, id, says: 'start', start: startToPlain(start) });
    }
  }

  /** A thread that dies with a lease keeps the others waiting for a while only. */
  async #lease(request: ToHub): Promise<StartBlock | null> {
    const name = leaseOf(request);
    const { promise, resolve } = withResolver<StartBlock | null>();
    const timer = setTimeout(() => resolve(null), START_LEASE_MS);
    timer.unref();
    this.#leases.set(name, resolve);
    this.#post({ to: request.from, id: request.id, says: 'unwrap-for-all' });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#leases.delete(name);
    }
  }

  #post(message: Exclude<ThreadMessage, ToHub> | ToWorker): void {
    if (!this.#isClosed) {
      this.#channel.postMessage(message);
    }
  }
}

function leaseOf({ from, id }: ToHub): string {
  return `${from} ${id}`;
}

function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
