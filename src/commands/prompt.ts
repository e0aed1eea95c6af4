/** Asking for a secret on a terminal. */
import { createInterface } from 'node:readline';
import { Writable, type Readable } from 'node:stream';
import { SealiftError } from '../errors.js';

/** The two ends of a terminal; the question goes to `output`, which should not be what a program reads. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: { write: (text: string) => unknown };
}

/**
 * One line, typed without being shown. Fails with `usage` where there is no terminal to ask on or the input ends, and
 * with `interrupted` on Ctrl-C.
 */
export function askSecretly(question: string, { input, output }: Terminal = { input: process.stdin, output: process.stderr }): Promise<string> {
  if (input.isTTY !== true) {
    return Promise.reject(noTerminal('there is no terminal to ask for the passphrase on'));
  }
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: unseen, terminal: true, historySize: 0 });
  output.write(question);
  return new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('SIGINT', () => reject(new SealiftError('interrupted', 'interrupted while asking for the passphrase')));
    lines.once('close', () => reject(noTerminal('the input ended before a passphrase was given')));
  }).finally(() => {
    lines.close();
    output.write('\n');
  });
}

function noTerminal(message: string): SealiftError {
  return new SealiftError('usage', message, { remedy: 'Give it in a file with --passphrase-file or in a variable with --passphrase-env.' });
}
