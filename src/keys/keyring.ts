import { authenticationFailed } from '../crypto/open.js';
import { AuthenticationError, MasterKeyError, isSealiftError } from '../errors.js';
import type { KeyUnwrapper, UnwrappedKeys, WrapAlgorithm, WrappedKeys } from './wrapper.js';

/** Decides whether a candidate opens the object: the commitment check of a sealed object, always true for a foreign one. */
export type Accept = (candidate: UnwrappedKeys) => boolean;

/** The master keys of a reader, in order of preference; finds the one that opens an object. */
export class Keyring {
  readonly #unwrappers: readonly KeyUnwrapper[];
  readonly #signal: AbortSignal | undefined;

  constructor(unwrappers: readonly KeyUnwrapper[], signal?: AbortSignal) {
    this.#unwrappers = unwrappers;
    this.#signal = signal;
  }

  /** The same keys for one operation: the signal goes to each that is asked. */
  until(signal: AbortSignal | undefined): Keyring {
    return new Keyring(this.#unwrappers, signal);
  }

  /**
   * Chooses by wrap algorithm, then by material description (the same map first, a different one last), then by trial.
   * `object` names the object in errors. The caller owns the returned data key; every rejected one is wiped.
   *
   * Rejects with MasterKeyError `master-key-missing` when no key of the kind is configured; with AuthenticationError
   * `authentication-failed`, listing the keys tried, when none opens; with the error of a key that could not be asked
   * when no other opens.
   */
  async open(keys: WrappedKeys, accept: Accept, object?: string): Promise<UnwrappedKeys> {
    const candidates = this.#candidates(keys);
    if (candidates.length === 0) {
      throw missing(keys.wrapAlgorithm, object);
    }
    const { opened, refusals } = await tryInTurn(candidates, { keys, accept, signal: this.#signal });
    if (opened !== undefined) {
      return opened;
    }
    if (refusals[0] !== undefined) {
      throw refusals[0];
    }
    throw noneOpens(candidates, object);
  }

  #candidates(keys: WrappedKeys): KeyUnwrapper[] {
    return this.#unwrappers
      .filter((unwrapper) => unwrapper.wrapAlgorithms.includes(keys.wrapAlgorithm))
      .map((unwrapper) => ({ unwrapper, rank: rank(unwrapper.materialDescription, keys.materialDescription) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ unwrapper }) => unwrapper);
  }
}

interface Task {
  readonly keys: WrappedKeys;
  readonly accept: Accept;
  readonly signal: AbortSignal | undefined;
}

interface Trial {
  readonly opened: UnwrappedKeys | undefined;
  /** Errors of keys that could not be asked. */
  readonly refusals: Error[];
}

/**
 * With PKCS#1 v1.5 every key "opens" a foreign object, so the first accepted candidate is only kept as a last resort
 * until one has a plausible start block; which of them had valid padding is never asked.
 */
async function tryInTurn(candidates: readonly KeyUnwrapper[], task: Task): Promise<Trial> {
  const { keys, accept } = task;
  const refusals: Error[] = [];
  let lastResort: UnwrappedKeys | undefined;
  for (const candidate of candidates) {
    const opened = await ask(candidate, task, refusals);
    if (opened === null) {
      continue;
    }
    const accepted = accept(opened);
    if (accepted && (keys.wrapAlgorithm !== 'RSA/NONE/PKCS1Padding' || isPlausible(opened))) {
      lastResort?.dataKey.wipe();
      return { opened, refusals };
    }
    if (accepted && lastResort === undefined) {
      lastResort = opened;
    } else {
      opened.dataKey.wipe();
    }
  }
  return { opened: lastResort, refusals };
}

async function ask(candidate: KeyUnwrapper, { keys, signal }: Task, refusals: Error[]): Promise<UnwrappedKeys | null> {
  try {
    return await candidate.unwrap(keys, signal);
  } catch (error) {
    if (!isSealiftError(error)) {
      throw error;
    }
    refusals.push(error);
    return null;
  }
}

/** Every SDK keeps bytes 8–11 of a start block zero; pseudo-random bytes do so once in 2^32. */
function isPlausible({ startBlock }: UnwrappedKeys): boolean {
  return startBlock.bytes.subarray(8, 12).every((byte) => byte === 0);
}

type Description = Readonly<Record<string, string>> | undefined;

/** 0: the object names this key. 1: one of the two says nothing. 2: the object names another key. */
function rank(ofKey: Description, ofObject: Description): number {
  if (ofKey === undefined || ofObject === undefined) {
    return 1;
  }
  return sameMap(ofKey, ofObject) ? 0 : 2;
}

function sameMap(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}

/** The message is the one of every failed authentication; only the advice says which keys were tried, never why each failed. */
function noneOpens(candidates: readonly KeyUnwrapper[], object: string | undefined): AuthenticationError {
  const tried = candidates.map((candidate) => candidate.description).join(', ');
  return new AuthenticationError('authentication-failed', authenticationFailed(object).message, {
    ...(object === undefined ? {} : { object }),
    remedy: `Tried ${tried}. If it may be sealed under another key, give that too; otherwise restore the object from a copy you trust.`,
  });
}

function missing(algorithm: WrapAlgorithm, object: string | undefined): MasterKeyError {
  const isKms = algorithm === 'kms' || algorithm === 'KMS/ALICLOUD';
  const kind = isKms ? 'KMS' : 'RSA';
  return new MasterKeyError('master-key-missing', `${object ?? 'the object'} is sealed under ${isKms ? 'a' : 'an'} ${kind} key, and none is configured`, {
    ...(object === undefined ? {} : { object }),
    remedy: isKms ? 'Give a KMS key too (--kms-key).' : 'Give the private RSA key too (--key).',
  });
}
