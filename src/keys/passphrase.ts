import { SealiftError, MasterKeyError } from '../errors.js';
import { MAX_PASSPHRASE_BYTES } from '../limits.js';
import { readSecretFile } from './key-storage.js';

/** A passphrase that no log, template or JSON shows. The same bytes as typed: UTF-8, no normalisation. */
export class Passphrase {
  readonly #bytes: Buffer;

  /** Throws RangeError when it is empty or longer than 1,024 bytes. */
  constructor(text: string) {
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length === 0 || bytes.length > MAX_PASSPHRASE_BYTES) {
      throw new RangeError(`a passphrase has 1 to ${MAX_PASSPHRASE_BYTES} bytes`);
    }
    this.#bytes = bytes;
  }

  /** A copy, for the call that needs it. */
  reveal(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** Whether both are the same bytes. */
  equals(other: Passphrase): boolean {
    return this.#bytes.equals(other.#bytes);
  }

  /** Never the passphrase. */
  toString(): string {
    return '[passphrase]';
  }

  /** Never the passphrase. */
  toJSON(): string {
    return this.toString();
  }
}

/** Where a passphrase comes from: at most one. It is never an argument of the command itself, which other users can see. */
export interface PassphraseSource {
  /** Path; the first line counts. */
  readonly file?: string | undefined;
  /** Name of an environment variable. */
  readonly env?: string | undefined;
  /** Ask on the terminal, without echo. @default false */
  readonly prompt?: boolean | undefined;
}

/** The outside world of {@link resolvePassphrase}. */
export interface PassphraseContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Asks one question and resolves with what was typed, unseen. */
  readonly ask: (question: string) => Promise<string>;
  /** Ask twice and compare: for a passphrase that protects something new. @default false */
  readonly confirm?: boolean;
}

/**
 * The passphrase from its source, or undefined when there is none.
 *
 * Rejects with code `usage` for two sources, an empty or unset one, or two answers that differ; with MasterKeyError
 * `key-file-invalid` or `key-file-unsafe` for a passphrase file that is missing or readable by others.
 */
export async function resolvePassphrase(source: PassphraseSource, context: PassphraseContext): Promise<Passphrase | undefined> {
  const { file, env, prompt = false } = source;
  if ([file !== undefined, env !== undefined, prompt].filter(Boolean).length > 1) {
    throw new SealiftError('usage', 'a passphrase has one source: a file, an environment variable or a prompt');
  }
  if (file !== undefined) {
    return checked(firstLine(await readSecretFile(file)), `the passphrase file ${file}`);
  }
  if (env !== undefined) {
    return checked(context.environment[env] ?? '', `the environment variable ${env}`);
  }
  return prompt ? ask(context) : undefined;
}

async function ask(context: PassphraseContext): Promise<Passphrase> {
  const first = checked(await context.ask('Passphrase: '), 'the answer');
  if (context.confirm === true && !first.equals(checked(await context.ask('The same again: '), 'the answer'))) {
    throw new SealiftError('usage', 'the two passphrases differ', { remedy: 'Nothing was written; try again.' });
  }
  return first;
}

function firstLine(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/\r?\n[\s\S]*$/, '');
}

function checked(text: string, where: string): Passphrase {
  if (text === '') {
    throw new SealiftError('usage', `${where} holds no passphrase`);
  }
  if (Buffer.byteLength(text) > MAX_PASSPHRASE_BYTES) {
    throw new SealiftError('usage', `${where} holds a passphrase of more than ${MAX_PASSPHRASE_BYTES} bytes`);
  }
  return new Passphrase(text);
}

/** For a key file that is encrypted: says what is missing, or that what was given does not fit. */
export function passphraseError(path: string, given: Passphrase | undefined): MasterKeyError {
  if (given === undefined) {
    return new MasterKeyError('passphrase-wrong', `${path} is encrypted and needs its passphrase`, {
      object: path,
      remedy: 'Give it (--passphrase-file, --passphrase-env or --passphrase-prompt).',
    });
  }
  return new MasterKeyError('passphrase-wrong', `${path}: wrong passphrase, or the file is damaged`, { object: path });
}
