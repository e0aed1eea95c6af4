/** The programs that peers.ts compares: how each seals a set of files, and how it proves that it can open one again. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SinkPlace } from '../src/commands/bench/target.js';
import type { Work } from '../src/commands/bench/work.js';
import { measureShell, output, versionOf, type ShellCost, type ShellPlace } from './shell.js';

/** One run of one program on one set. */
export interface Trial {
  readonly work: Work;
  /** Absolute paths of the files. */
  readonly paths: readonly string[];
  /** Empty, of this trial alone; in memory where the machine has such a place. */
  readonly directory: string;
  /** Of this trial alone, below that of the sink. */
  readonly prefix: string;
  readonly sink: SinkPlace;
  readonly keyFile: string;
}

export interface Peer {
  readonly name: string;
  /** Undefined where it is not installed. */
  readonly version: string | undefined;
  /** It takes a process per file, so that of small ones only so many are tried. */
  readonly isPerFile?: boolean;
  seal(trial: Trial): Promise<ShellCost>;
  /** One file, opened again. */
  open(trial: Trial, path: string): Promise<Buffer> | Buffer;
}

export function sealift(name: string, flags: readonly string[]): Peer {
  const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url));
  const on = ({ sink, directory }: Trial): ShellPlace => {
    const { accessKeyId, accessKeySecret } = sink.credentials;
    return { cwd: directory, env: { OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret, OSS_REGION: sink.target.region, OSS_ENDPOINT: sink.target.endpoint ?? '' } };
  };
  const url = ({ sink, prefix }: Trial): string => `oss://${sink.target.bucket}/${prefix}`;
  return {
    name, version: versionOf(process.execPath, '--version'),
    seal: async (trial) => await measureShell('"$@"', [process.execPath, cli, 'push', trial.work.directory, url(trial), '--key', trial.keyFile, '--quiet', ...flags], on(trial)),
    open: (trial, path) => {
      const back = join(trial.directory, 'back');
      output(process.execPath, [cli, 'pull', url(trial), back, '--key', trial.keyFile, '--quiet', '--include', path], on(trial));
      return readFileSync(join(back, path));
    },
  };
}

/** Over s3 to the sink, as many uploads and parts at once as we have; no file of configuration anywhere. */
export function rclone(name: string, flags: readonly string[]): Peer {
  const common = ['--config', '/dev/null', '--transfers', '32', '--s3-chunk-size', '8M', ...flags];
  const version = versionOf('rclone', '--version');
  const password = version === undefined ? '' : output('rclone', ['obscure', randomBytes(24).toString('hex')], { env: {}, cwd: '/' }).toString().trim();
  const on = ({ sink, prefix, directory }: Trial): ShellPlace => ({
    cwd: directory,
    env: {
      RCLONE_CONFIG_SINK_TYPE: 's3', RCLONE_CONFIG_SINK_PROVIDER: 'Other', RCLONE_CONFIG_SINK_ENDPOINT: sink.target.endpoint ?? '', RCLONE_CONFIG_SINK_REGION: sink.target.region,
      RCLONE_CONFIG_SINK_ACCESS_KEY_ID: sink.credentials.accessKeyId, RCLONE_CONFIG_SINK_SECRET_ACCESS_KEY: sink.credentials.accessKeySecret, RCLONE_CONFIG_SINK_FORCE_PATH_STYLE: 'true',
      RCLONE_CONFIG_SEALED_TYPE: 'crypt', RCLONE_CONFIG_SEALED_REMOTE: `sink:${sink.target.bucket}/${prefix}`, RCLONE_CONFIG_SEALED_PASSWORD: password,
    },
  });
  return {
    name, version,
    seal: async (trial) => await measureShell('rclone "$@"', ['copy', trial.work.directory, 'sealed:', ...common], on(trial)),
    open: (trial, path) => output('rclone', ['cat', `sealed:${path}`, ...common], on(trial)),
  };
}

/** To a repository in memory: it packs small files together and makes no request for each. */
export function restic(): Peer {
  const on = ({ directory }: Trial): ShellPlace => ({ cwd: directory, env: { RESTIC_REPOSITORY: join(directory, 'repository'), RESTIC_PASSWORD: 'bench' } });
  return {
    name: 'restic, no upload', version: versionOf('restic', 'version'),
    seal: async (trial) => {
      output('restic', ['init'], on(trial));
      return await measureShell('restic backup --no-cache --compression off --quiet "$1"', [trial.work.directory], on(trial));
    },
    open: (trial, path) => output('restic', ['dump', '--no-cache', 'latest', join(trial.work.directory, path)], on(trial)),
  };
}

export function age(): Peer {
  return {
    name: 'age, no upload', version: versionOf('age', '--version'), isPerFile: true,
    seal: async (trial) => {
      const on = { cwd: trial.directory, env: {} };
      output('age-keygen', ['-o', join(trial.directory, 'age.key')], on);
      const recipient = output('age-keygen', ['-y', join(trial.directory, 'age.key')], on).toString().trim();
      return await measureShell(`for file; do age -r ${recipient} -o "${outOf(trial)}/\${file##*/}" "$file"; done`, trial.paths, on);
    },
    open: (trial, path) => output('age', ['-d', '-i', join(trial.directory, 'age.key'), join(outOf(trial), basename(path))], { cwd: trial.directory, env: {} }),
  };
}

/** One key and one nonce for all, and nothing that authenticates: less than anybody may do, and so a lower bound. */
export function openssl(): Peer {
  const flags = `-aes-256-ctr -K ${randomBytes(32).toString('hex')} -iv ${randomBytes(16).toString('hex')}`;
  return {
    name: 'openssl aes-256-ctr, no upload', version: versionOf('openssl', 'version'), isPerFile: true,
    seal: async (trial) => await measureShell(`for file; do openssl enc ${flags} -in "$file" -out "${outOf(trial)}/\${file##*/}"; done`, trial.paths, { cwd: trial.directory, env: {} }),
    open: (trial, path) => output('openssl', ['enc', '-d', ...flags.split(' '), '-in', join(outOf(trial), basename(path))], { cwd: trial.directory, env: {} }),
  };
}

function outOf({ directory }: Trial): string {
  const out = join(directory, 'out');
  mkdirSync(out, { recursive: true });
  return out;
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
