import type { RsaKey } from '../keys/rsa.js';
import type { Settings } from '../settings.js';
import type { Context } from './context.js';

/** The keys of `--key`, in order; one passphrase serves all of them. Without `--key`: none. */
export async function loadKeys(context: Context, settings: Settings): Promise<readonly RsaKey[]> {
  const paths = settings.key ?? [];
  if (paths.length === 0) {
    return [];
  }
  const [{ loadRsaKey }, { resolvePassphrase }, { askSecretly }] = await Promise.all([
    import('../keys/key-files.js'), import('../keys/passphrase.js'), import('./prompt.js'),
  ]);
  const source = { file: settings['passphrase-file'], env: settings['passphrase-env'], prompt: settings['passphrase-prompt'] };
  const ask = (question: string): Promise<string> => askSecretly(question, { input: process.stdin, output: context.stderr });
  const passphrase = await resolvePassphrase(source, { environment: context.env, ask });
  const keys: RsaKey[] = [];
  for (const path of paths) {
    keys.push(await loadRsaKey(path, { passphrase }));
  }
  return keys;
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
