import { Crc64 } from '../crypto/crc64.js';
import { Keyring } from '../keys/keyring.js';
import { rsaUnwrapper, rsaWrapper } from '../keys/rsa.js';
import type { KeyWrapper } from '../keys/wrapper.js';
import { TargetTree } from '../files/target-tree.js';
import { SharedStart } from '../keys/wrapped-start.js';
import { MasterKeyError } from '../errors.js';
import { NOTABLE_PAUSE_MS } from '../limits.js';
import { createOssStore } from '../store/oss.js';
import { RETRY_POLICY, withRetry } from '../store/retry.js';
import type { ObjectStore } from '../store/store.js';
import type { WorkerContext } from './context.js';
import { Slabs } from './slabs.js';

/** Everything that sealing and opening need from the outside, built once per thread. */
export interface Ports {
  readonly context: WorkerContext;
  readonly store: ObjectStore;
  readonly keyring: Keyring;
  readonly slabs: Slabs;
  readonly crc64: Crc64;
  /** Of the first master key; asked only when something is sealed. */
  readonly wrapper: () => KeyWrapper;
  readonly starts: () => SharedStart;
  /** The directory that a pull fills. */
  readonly tree: () => TargetTree;
}

/** Told what a person should know while nothing moves. */
export type NoticeListener = (message: string) => void;

export async function openPorts(context: WorkerContext, onNotice: NoticeListener): Promise<Ports> {
  const store = withRetry(await createOssStore(context.store, { onNotice }), RETRY_POLICY, {
    onRetry: (failure, pauseMs) => {
      if (pauseMs >= NOTABLE_PAUSE_MS) {
        onNotice(`${failure.message}; trying again`);
      }
    },
  });
  const keyring = new Keyring(context.keys.filter((key) => key.privateKey !== undefined).map(rsaUnwrapper));
  const wrapper = once(() => sealingWrapper(context));
  const starts = once(() => new SharedStart(wrapper()));
  const tree = once(() => TargetTree.open(Buffer.from(context.root)));
  return { context, store, keyring, slabs: new Slabs(context.keptBytes), crc64: await Crc64.create(), wrapper, starts, tree };
}

function sealingWrapper(context: WorkerContext): KeyWrapper {
  const [first] = context.keys;
  if (first === undefined) {
    throw new MasterKeyError('master-key-missing', 'no master key to seal with', { remedy: 'pass --key FILE' });
  }
  return rsaWrapper(first, context.family);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
