import { constants } from 'node:fs';
import { open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { isSealiftError, SealiftError } from '../errors.js';
import { thisMachine, type Machine, type ProcessFacts } from '../files/machine.js';
import { errnoOf, openEmpty, openError, writeError } from './files.js';
import { holdSocket, type HeldSocket } from './held-socket.js';
import { integer, optional, text, withMembers, type ValueOf } from './shape.js';

const holderShape = withMembers({ host: text, bootId: text, namespace: optional(text), pid: integer(1), startTime: text, since: text });

/** Who holds a manifest, as its lock file says. Earlier versions named no namespace. */
type Holder = ValueOf<typeof holderShape>;

export interface LockOptions {
  /** Take over from another host or container, and from a process of which nothing certain can be known. @default false */
  readonly breakLock?: boolean;
  readonly machine?: Machine;
}

export interface ManifestLock {
  /** The process whose lock was taken over; undefined for none. */
  readonly takenFrom: ProcessFacts | undefined;
  release(): Promise<void>;
}

/**
 * Makes this process the only one that writes to the manifest, which must exist. The holder is written to
 * `MANIFEST.lock`; on Linux the manifest's device and inode also name an abstract socket, which settles every question
 * between processes of one machine. The lock of a process that is gone is taken over.
 *
 * @throws SealiftError `locked`, naming process and host; `manifest-missing`, `manifest-write-failed`.
 */
export async function lockManifest(manifest: string, { breakLock = false, machine = thisMachine }: LockOptions = {}): Promise<ManifestLock> {
  const lockFile = `${manifest}.lock`;
  const socket = await holdSocketOf(manifest, machine);
  if (socket.kind === 'taken') {
    throw lockedBy(manifest, nameOf(await readHolder(lockFile), machine), WAIT);
  }
  try {
    const { text, takenFrom } = await takeLockFile(manifest, breakLock, machine);
    return { takenFrom, release: () => releaseBoth(lockFile, text, socket) };
  } catch (error) {
    await releaseSocket(socket);
    throw error;
  }
}

export interface NewLockOptions extends LockOptions {
  /** The name was made up for this manifest: nobody else has it, so a file that cannot be locked is removed. @default false */
  readonly isOwnName?: boolean;
}

/**
 * Makes the file of a new manifest, or takes an empty one, and locks it. Until the lock is taken, another process that cannot
 * begin its own manifest there may remove the file, which is then made again.
 *
 * @throws as {@link lockManifest}, but for `manifest-missing`; as {@link openEmpty}.
 */
export async function lockNewManifest(manifest: string, options: NewLockOptions = {}): Promise<ManifestLock> {
  const isOwnName = options.isOwnName === true;
  const made = await openEmpty(manifest, isOwnName);
  await made.close();
  try {
    return await lockManifest(manifest, options);
  } catch (error) {
    if (isSealiftError(error) && error.code === 'manifest-missing') {
      return await lockNewManifest(manifest, options);
    }
    if (isOwnName) {
      await rm(manifest, { force: true });
    }
    throw error;
  }
}

async function holdSocketOf(manifest: string, machine: Machine): Promise<HeldSocket> {
  if (!machine.abstractSockets) {
    return { kind: 'unavailable' };
  }
  // Kept open as long as the socket: the inode of a file that is deleted meanwhile must not become another one's.
  const file = await open(manifest, 'r').catch((cause: unknown) => {
    throw openError(manifest, cause);
  });
  const { dev, ino } = await file.stat({ bigint: true });
  const socket = await holdSocket(`\0sealift-${String(dev)}-${String(ino)}`);
  if (socket.kind !== 'held') {
    await file.close();
    return socket;
  }
  return {
    kind: 'held',
    release: async () => {
      await socket.release();
      await file.close();
    },
  };
}

interface TakenLock extends Pick<ManifestLock, 'takenFrom'> {
  /** Of the lock file. */
  readonly text: string;
}

/**
 * Every round but the first follows a stale lock that was removed, or one that its holder has released meanwhile; on Linux the
 * socket's holder is alone here.
 */
async function takeLockFile(manifest: string, breakLock: boolean, machine: Machine, takenFrom?: Holder): Promise<TakenLock> {
  const lockFile = `${manifest}.lock`;
  const text = describeHolder(machine);
  if (await createLockFile(lockFile, text)) {
    return { text, takenFrom };
  }
  const holder = await readHolder(lockFile);
  if (holder === 'gone') {
    return takeLockFile(manifest, breakLock, machine);
  }
  refuseUnlessStale(manifest, holder, { breakLock, machine });
  await rm(lockFile, { force: true });
  return takeLockFile(manifest, breakLock, machine, holder);
}

/** False when there is one already. On the disk before the manifest is touched, so that a loss of power leaves it readable. */
async function createLockFile(lockFile: string, text: string): Promise<boolean> {
  const handle = await openNew(lockFile);
  if (handle === undefined) {
    return false;
  }
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(lockFile, { force: true });
    throw writeError(lockFile, 'cannot be written', error);
  } finally {
    await handle.close();
  }
  return true;
}

async function openNew(lockFile: string): Promise<FileHandle | undefined> {
  try {
    return await open(lockFile, 'wx', 0o600);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      return undefined;
    }
    throw writeError(lockFile, 'cannot be created', error);
  }
}

function describeHolder({ host, bootId, namespace, pid, startTimeOf }: Machine): string {
  const holder: Holder = { host, bootId, namespace, pid, startTime: startTimeOf(pid) ?? '', since: new Date().toISOString() };
  return `${JSON.stringify(holder)}\n`;
}

/** Undefined when the file holds something else. A link is not followed: to nothing, it would be gone for ever. */
async function readHolder(lockFile: string): Promise<Holder | 'gone' | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(lockFile, { encoding: 'utf8', flag: READ_NO_LINK }));
    return holderShape.accepts(value) ? value : undefined;
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? 'gone' : undefined;
  }
}

const READ_NO_LINK = constants.O_RDONLY | constants.O_NOFOLLOW;

function refuseUnlessStale(manifest: string, holder: Holder | undefined, { breakLock, machine }: Required<LockOptions>): void {
  const verdict = judge(holder, machine);
  if (verdict === 'live' || (verdict === 'unknown' && !breakLock)) {
    const remedy = verdict === 'live' ? WAIT : `${whatToCheck(holder, machine)}, give the same command again with --break-lock`;
    throw lockedBy(manifest, nameOf(holder, machine), remedy);
  }
}

const WAIT = 'wait for it to end, or stop it';

/** Of a holder that cannot be seen from here. Continued by what to do if it is gone. */
function whatToCheck(holder: Holder | undefined, machine: Machine): string {
  if (holder === undefined) {
    return 'its lock file does not say which: if no other sealift works on this manifest, on any machine that reaches it';
  }
  if (isInOtherContainer(holder, machine)) {
    return 'look whether that container still runs, with "docker ps" or "lsns -t pid" on its machine: if it was stopped or restarted';
  }
  const { host, pid } = holder;
  return host === machine.host
    ? `look whether process ${pid} is a sealift, with "ps -p ${pid}": if not`
    : `look on ${host} whether process ${pid} still runs, with "ps -p ${pid}": if not, or if that machine or container is gone`;
}

/** Of processes, only those of the own container can be seen. */
function isInOtherContainer({ host, namespace }: Holder, machine: Machine): boolean {
  return host === machine.host && namespace !== undefined && namespace !== machine.namespace;
}

function judge(holder: Holder | undefined, machine: Machine): 'live' | 'stale' | 'unknown' {
  if (holder?.host !== machine.host) {
    return 'unknown';
  }
  if (holder.bootId !== machine.bootId) {
    return 'stale';
  }
  if (isInOtherContainer(holder, machine)) {
    return 'unknown';
  }
  const startTime = machine.startTimeOf(holder.pid);
  if (startTime === undefined) {
    return 'stale';
  }
  if (startTime === '' || holder.startTime === '') {
    return 'unknown';
  }
  return startTime === holder.startTime ? 'live' : 'stale';
}

function nameOf(holder: Holder | 'gone' | undefined, machine: Machine): string {
  if (holder === undefined || holder === 'gone') {
    return 'another process';
  }
  const { host, namespace = '', pid, since } = holder;
  const container = isInOtherContainer(holder, machine) ? ` of another container (${namespace})` : '';
  return `process ${pid}${container} on ${host} since ${since}`;
}

function lockedBy(manifest: string, who: string, remedy: string): SealiftError {
  return new SealiftError('locked', `the manifest ${manifest} is in use by ${who}`, { object: manifest, remedy });
}

/** A lock that somebody broke and took over is theirs. */
async function releaseBoth(lockFile: string, text: string, socket: HeldSocket): Promise<void> {
  const current = await readFile(lockFile, 'utf8').catch(() => undefined);
  if (current === text) {
    await rm(lockFile, { force: true });
  }
  await releaseSocket(socket);
}

async function releaseSocket(socket: HeldSocket): Promise<void> {
  if (socket.kind === 'held') {
    await socket.release();
  }
}
