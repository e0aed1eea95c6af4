import type { CommandModule } from 'yargs';
import type { CommandBody, Context } from './context.js';

interface Listed extends Pick<CommandModule, 'command' | 'describe'> {
  /** Loaded for whoever named the command: the list of all of them needs none. */
  readonly load: () => Promise<(context: Context) => CommandBody>;
}

/** In the order of the help. */
export const COMMANDS: Readonly<Record<string, Listed>> = {
  push: {
    command: 'push <dir> <destination>',
    describe: 'Seal every file of a directory and send it to oss://bucket[/prefix]',
    load: async () => (await import('./push.js')).pushCommand,
  },
  pull: {
    command: 'pull <source> <dir>',
    describe: 'Fetch, prove and open everything below oss://bucket[/prefix] into a directory',
    load: async () => (await import('./pull.js')).pullCommand,
  },
  resume: {
    command: 'resume [manifest]',
    describe: 'Continue the newest unfinished run, or the one named, push or pull',
    load: async () => (await import('./resume.js')).resumeCommand,
  },
  status: {
    command: 'status [manifest]',
    describe: 'What of a run is done, failed, skipped and left; exit code 0 complete, 3 unfinished',
    load: async () => (await import('./status.js')).statusCommand,
  },
  verify: {
    command: 'verify <source>',
    describe: 'Authenticate every object below oss://bucket[/prefix] without writing plaintext',
    load: async () => (await import('./verify.js')).verifyCommand,
  },
  rewrap: {
    command: 'rewrap <place>',
    describe: 'Put every object below oss://bucket[/prefix] under another master key; no body moves',
    load: async () => (await import('./rewrap.js')).rewrapCommand,
  },
  ls: {
    command: 'ls <place>',
    describe: 'List what lies below oss://bucket[/prefix]: plaintext size in bytes, and whether it can be authenticated',
    load: async () => (await import('./ls.js')).lsCommand,
  },
  cat: {
    command: 'cat <object>',
    describe: 'Write the plaintext of one object to standard output, after all of it is verified',
    load: async () => (await import('./cat.js')).catCommand,
  },
  inspect: {
    command: 'inspect <object>',
    describe: 'Explain the envelope of one object: how it is sealed, which key opens it, who can read it',
    load: async () => (await import('./inspect.js')).inspectCommand,
  },
  'gc-uploads': {
    command: 'gc-uploads <place>',
    describe: 'Abort multipart uploads below oss://bucket[/prefix] that were begun long ago and never finished',
    load: async () => (await import('./gc-uploads.js')).gcUploadsCommand,
  },
  doctor: {
    command: 'doctor <dir>',
    describe: 'List the temporary files that killed pulls have left below a directory, and remove them',
    load: async () => (await import('./doctor.js')).doctorCommand,
  },
  keys: {
    command: 'keys',
    describe: 'Make, look at and convert RSA master keys',
    load: async () => (await import('./keys.js')).keysCommand,
  },
  manifest: {
    command: 'manifest',
    describe: 'Look after the record of a run',
    load: async () => (await import('./manifest.js')).manifestCommand,
  },
  local: {
    command: 'local',
    describe: 'Run the embedded cloud, OSS and KMS on this machine only, until Ctrl-C',
    load: async () => (await import('./local.js')).localCommand,
  },
  bench: {
    command: 'bench',
    describe: 'Measure pushes and pulls on this machine, beside the least that the same work can cost',
    load: async () => (await import('./bench.js')).benchCommand,
  },
  demo: {
    command: 'demo',
    describe: 'Push, kill, resume, pull and compare a small tree against the embedded cloud, in under 30 seconds',
    load: async () => (await import('./demo.js')).demoCommand,
  },
};
