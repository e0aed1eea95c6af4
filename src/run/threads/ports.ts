import { Crc64 } from '../../crypto/crc64.js';
import type { SealiftError } from '../../errors.js';
import { TargetTree } from '../../files/target-tree.js';
import type { Keyring } from '../../keys/keyring.js';
import { SharedStart } from '../../keys/wrapped-start.js';
import type { KeyWrapper } from '../../keys/wrapper.js';
import { NOTABLE_PAUSE_MS } from '../../limits.js';
import { openOssStore, type OpenedStore } from '../../store/oss.js';
import { RETRY_POLICY, withRetry } from '../../store/retry.js';
import type { ObjectStore } from '../../store/store.js';
import type { WorkerContext } from '../context.js';
import { openMasterKeys, type Successor } from './master-keys.js';
import type { ThreadCommons } from './thread-commons.js';

/** Everything that sealing and opening need from the outside, built once per thread. */
export interface Ports {
  readonly context: WorkerContext;
  readonly store: ObjectStore;
  readonly keyring: Keyring;
  /** For the content of the object under way, as it was planned: what is larger must be planned again. */
  readonly room: Buffer;
  readonly crc64: Crc64;
  /** Of the first master key; asked only when something is sealed. */
  readonly wrapper: () => KeyWrapper;
  readonly starts: () => SharedStart;
  /** The first master key; asked only when objects pass to it from others. */
  readonly successor: () => Successor;
  /** What `matdesc` calls the first master key, where somebody asked for it. */
  readonly materialDescription: Readonly<Record<string, string>> | undefined;
  /** The directory that a pull fills. */
  readonly tree: () => TargetTree;
  /** Gives sockets and directories back, and wipes keys that nobody took. */
  readonly close: () => Promise<void>;
}

const NO_ROOM = Buffer.alloc(0);

/** Ports with room for one object. One user at a time. */
export function within({ context, store, keyring, crc64, wrapper, starts, successor, materialDescription, tree, close }: Ports, room: Buffer): Ports {
  // Member by member: with a spread in front each would have a hidden class of its own, and whatever reads it would be slow.
  return { context, store, keyring, crc64, wrapper, starts, successor, materialDescription, tree, close, room };
}

/** Told what a person should know while nothing moves. */
export type NoticeListener = (message: string) => void;

/** @param signal - ends every request and every pause */
export function openPorts(context: WorkerContext, commons: ThreadCommons, onNotice: NoticeListener, signal?: AbortSignal): { readonly ports: Ports } & Pick<OpenedStore, 'load'> {
  const { store, load } = openStore(context, commons, onNotice, signal);
  const { keyring, sealingWrapper, successor: openSuccessor } = openMasterKeys(context, commons, { onRetry: noticeOf(onNotice), signal });
  let sealing: KeyWrapper | undefined;
  const wrapper = (): KeyWrapper => (sealing ??= sealingWrapper());
  let shared: SharedStart | undefined;
  const starts = (): SharedStart => (shared ??= new SharedStart(wrapper()));
  let succeeding: Successor | undefined;
  const successor = (): Successor => (succeeding ??= openSuccessor());
  let opened: TargetTree | undefined;
  const tree = (): TargetTree => (opened ??= TargetTree.open(Buffer.from(context.root), undefined, context.concurrency));
  const close = async (): Promise<void> => {
    opened?.close();
    await Promise.all([store.close(), shared?.close()]);
  };
  const ports: Ports = {
    context, store, keyring, room: NO_ROOM, crc64: Crc64.create(), wrapper, starts, successor, tree, close,
    materialDescription: context.keys[0]?.materialDescription,
  };
  return { ports, load };
}

export function openStore(context: WorkerContext, { credentials, bandwidth }: Pick<ThreadCommons, 'credentials' | 'bandwidth'>, onNotice: NoticeListener, signal?: AbortSignal): OpenedStore {
  const { store, load } = openOssStore(context.store, { onNotice, credentials, bandwidth });
  return { store: withRetry(store, RETRY_POLICY, { onRetry: noticeOf(onNotice), signal }), load };
}

function noticeOf(onNotice: NoticeListener): (failure: SealiftError, pauseMs: number) => void {
  return (failure, pauseMs) => {
    if (pauseMs >= NOTABLE_PAUSE_MS) {
      onNotice(`${failure.message}; trying again`);
    }
  };
}
