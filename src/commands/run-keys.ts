import { resolve } from 'node:path';
import { DEFAULT_RSA_KEY_BITS, RSA_KEY_BITS } from '../limits.js';
import { createRsaKey, loadRsaKey, saveRsaKey } from '../keys/key-files.js';
import { resolvePassphrase, type Passphrase } from '../keys/passphrase.js';
import type { RsaKey } from '../keys/rsa.js';
import { escapeForTerminal } from '../report/escape.js';
import { jsonLine } from '../report/json.js';
import { askSecretly } from './prompt.js';

/** What the key commands need of the process around them. */
export interface KeysContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; relative paths start here. */
  readonly cwd: string;
  readonly stdout: { write: (text: string) => unknown };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Asks for a secret. @default on the terminal of the process, unseen */
  readonly ask?: (question: string) => Promise<string>;
}

/** As yargs hands them over. */
export interface KeyArguments {
  readonly 'passphrase-file': string | undefined;
  readonly 'passphrase-env': string | undefined;
  readonly 'passphrase-prompt': boolean;
  readonly json: boolean;
}

export async function runCreate(context: KeysContext, flags: KeyArguments & { file: string; bits: string }): Promise<void> {
  const file = resolve(context.cwd, flags.file);
  const bits = RSA_KEY_BITS.find((size) => String(size) === flags.bits) ?? DEFAULT_RSA_KEY_BITS;
  const passphrase = await passphraseFor(context, flags, true);
  const key = await createRsaKey(file, { bits, passphrase });
  reportWritten(context, flags, { action: 'created', file, key, passphrase });
}

export async function runShow(context: KeysContext, flags: KeyArguments & { file: string }): Promise<void> {
  const file = resolve(context.cwd, flags.file);
  const key = await loadRsaKey(file, { passphrase: await passphraseFor(context, flags, false) });
  if (flags.json) {
    context.stdout.write(keyLine(context, { action: 'shown', file, key }));
    return;
  }
  const use = key.privateKey === undefined ? 'seals only: the private half is not here' : 'seals and opens';
  print(context, [`RSA-${key.bits}`, `  file         ${file}`, `  fingerprint  ${key.fingerprint}`, `  use          ${use}`]);
}

export async function runImport(context: KeysContext, flags: KeyArguments & { from: string; to: string }): Promise<void> {
  const file = resolve(context.cwd, flags.to);
  const passphrase = await passphraseFor(context, flags, false);
  const key = await loadRsaKey(resolve(context.cwd, flags.from), { passphrase });
  await saveRsaKey(file, key, { passphrase });
  reportWritten(context, flags, { action: 'imported', file, key, passphrase });
}

interface Shown {
  readonly action: 'created' | 'shown' | 'imported';
  readonly file: string;
  readonly key: RsaKey;
}

function reportWritten(context: KeysContext, flags: KeyArguments, written: Shown & { readonly passphrase: Passphrase | undefined }): void {
  const { action, file, key, passphrase } = written;
  if (flags.json) {
    context.stdout.write(keyLine(context, written));
    return;
  }
  const protection = passphrase === undefined ? 'mode 0600, no passphrase' : 'mode 0600, encrypted under the passphrase';
  const privateLines = key.privateKey === undefined ? [] : [`  private key  ${file} (${protection})`];
  print(context, [`RSA-${key.bits} key ${action}`, ...privateLines, `  public key   ${file}.pub`, `  fingerprint  ${key.fingerprint}`]);
  if (action === 'created') {
    print(context, ['Keep a copy of the private key in a safe place: without it nobody can open what it sealed.']);
  }
}

function keyLine(context: KeysContext, { action, file, key }: Shown): string {
  const { bits, fingerprint } = key;
  const event = { event: 'key', action, file, kind: 'rsa', bits, fingerprint, seals: true, opens: key.privateKey !== undefined };
  return jsonLine(event, new Date(context.now()));
}

function print(context: KeysContext, lines: readonly string[]): void {
  context.stdout.write(lines.map((line) => `${escapeForTerminal(line)}\n`).join(''));
}

function passphraseFor(context: KeysContext, flags: KeyArguments, confirm: boolean): Promise<Passphrase | undefined> {
  const file = flags['passphrase-file'];
  const source = { file: file === undefined ? undefined : resolve(context.cwd, file), env: flags['passphrase-env'], prompt: flags['passphrase-prompt'] };
  return resolvePassphrase(source, { environment: context.env, ask: context.ask ?? askSecretly, confirm });
}
