import { isSealiftError } from '../errors.js';
import type { Passphrase, PassphraseSource } from '../keys/passphrase.js';
import type { RsaKey } from '../keys/rsa.js';
import type { Settings } from '../settings.js';
import type { Context } from './context.js';

/** The keys of `--key`, in order; each passphrase is tried on each of them. Without `--key`: none. */
export async function loadKeys(context: Context, settings: Settings): Promise<readonly RsaKey[]> {
  const paths = settings.key ?? [];
  if (paths.length === 0) {
    return [];
  }
  const passphrases = await passphrasesOf(context, settings);
  const keys: RsaKey[] = [];
  for (const path of paths) {
    keys.push(await loadKey(path, passphrases));
  }
  return keys;
}

async function passphrasesOf(context: Context, settings: Settings): Promise<readonly (Passphrase | undefined)[]> {
  const [{ resolvePassphrase }, { askSecretly }] = await Promise.all([import('../keys/passphrase.js'), import('./prompt.js')]);
  const ask = (question: string): Promise<string> => askSecretly(question, { input: process.stdin, output: context.stderr });
  const sources: PassphraseSource[] = [
    ...(settings['passphrase-file'] ?? []).map((file) => ({ file })),
    ...(settings['passphrase-env'] ?? []).map((env) => ({ env })),
    ...(settings['passphrase-prompt'] === true ? [{ prompt: true }] : []),
  ];
  const passphrases: (Passphrase | undefined)[] = [];
  for (const source of sources) {
    passphrases.push(await resolvePassphrase(source, { environment: context.env, ask }));
  }
  return passphrases;
}

async function loadKey(path: string, [passphrase, ...others]: readonly (Passphrase | undefined)[]): Promise<RsaKey> {
  const { loadRsaKey } = await import('../keys/key-files.js');
  try {
    return await loadRsaKey(path, { passphrase });
  } catch (error) {
    if (others.length > 0 && isSealiftError(error) && error.code === 'passphrase-wrong') {
      return await loadKey(path, others);
    }
    throw error;
  }
}

/** What `--kms-passphrase-file` holds, if it is given. */
export async function loadKmsPassphrase(settings: Settings): Promise<string | undefined> {
  const file = settings['kms-passphrase-file'];
  if (file === undefined) {
    return undefined;
  }
  const { resolvePassphrase } = await import('../keys/passphrase.js');
  const passphrase = await resolvePassphrase({ file }, { environment: {}, ask: () => Promise.resolve('') });
  return passphrase?.reveal().toString('utf8');
}
