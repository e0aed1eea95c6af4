import type { Argv, CommandModule } from 'yargs';
import { DEFAULT_RSA_KEY_BITS, RSA_KEY_BITS } from '../limits.js';
import type { CommandBody } from './context.js';
import type { KeyArguments, KeysContext } from './run-keys.js';

/** `keys create|show|import`. A passphrase comes from a file, a variable or a prompt: arguments are visible to every user of the machine. */
export function keysCommand(context: KeysContext): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .command(createCommand(context))
        .command(showCommand(context))
        .command(importCommand(context))
        .demandCommand(1, 'Say what to do: create, show or import.')
        .example('$0 keys create master.key', 'a new pair: master.key and master.key.pub'),
    handler: () => undefined,
  };
}

function createCommand(context: KeysContext): CommandModule<object, KeyArguments & { file: string; bits: string }> {
  return {
    command: 'create <file>',
    describe: 'Make an RSA key pair: <file> (PKCS#8, mode 0600) and <file>.pub; never overwrites',
    builder: (yargs) =>
      withPassphrase(yargs, 'protects the new key')
        .positional('file', { type: 'string', demandOption: true, describe: 'Where the private key goes' })
        .option('bits', { type: 'string', requiresArg: true, choices: RSA_KEY_BITS.map(String), default: String(DEFAULT_RSA_KEY_BITS), describe: 'Size of the modulus, in bits' })
        .example('$0 keys create master.key --passphrase-prompt', 'asks twice for a passphrase')
        .example('$0 keys create ci.key --bits 4096 --passphrase-env KEY_PASS', 'for scripts'),
    handler: async (flags) => {
      const { runCreate } = await import('./run-keys.js');
      await runCreate(context, flags);
    },
  };
}

function showCommand(context: KeysContext): CommandModule<object, KeyArguments & { file: string }> {
  return {
    command: 'show <file>',
    describe: 'Kind, size and fingerprint of a key, and whether it can open or only seal',
    builder: (yargs) =>
      withPassphrase(yargs, 'unlocks the key')
        .positional('file', { type: 'string', demandOption: true, describe: 'PEM, DER, PKCS#12, certificate, or the key directory of the Python SDK' })
        .example('$0 keys show master.key.pub', 'the fingerprint that manifests record')
        .example('$0 keys show ~/.oss-local-rsa/mykey --json', 'a pair of the Python SDK, for programs'),
    handler: async (flags) => {
      const { runShow } = await import('./run-keys.js');
      await runShow(context, flags);
    },
  };
}

function importCommand(context: KeysContext): CommandModule<object, KeyArguments & { from: string; to: string }> {
  return {
    command: 'import <from> <to>',
    describe: 'Convert any readable key to <to> (PKCS#8, mode 0600) and <to>.pub; the copy keeps the passphrase of the original',
    builder: (yargs) =>
      withPassphrase(yargs, 'unlocks the original and protects the copy')
        .positional('from', { type: 'string', demandOption: true, describe: 'PEM, DER, PKCS#12, certificate, or the key directory of the Python SDK' })
        .positional('to', { type: 'string', demandOption: true, describe: 'Where the private key goes; a key that can only seal makes <to>.pub alone' })
        .example('$0 keys import company.p12 master.key --passphrase-prompt', 'from PKCS#12')
        .example('$0 keys import ~/.oss-local-rsa/mykey master.key', 'from the Python SDK'),
    handler: async (flags) => {
      const { runImport } = await import('./run-keys.js');
      await runImport(context, flags);
    },
  };
}

function withPassphrase<T extends object>(yargs: Argv<T>, purpose: string): Argv<T & KeyArguments> {
  return yargs
    .option('passphrase-file', { type: 'string', requiresArg: true, describe: `File whose first line ${purpose}`, defaultDescription: 'none' })
    .option('passphrase-env', { type: 'string', requiresArg: true, describe: `Name of the environment variable that ${purpose}`, defaultDescription: 'none' })
    .option('passphrase-prompt', { type: 'boolean', default: false, describe: `Ask on the terminal for what ${purpose}` })
    .option('json', { type: 'boolean', default: false, describe: 'One JSON object on stdout instead of text' });
}
