import { resolve } from 'node:path';
import { repairManifest, type RepairReport } from '../manifest/repair.js';
import { escapeForTerminal } from '../report/escape.js';
import { jsonLine } from '../report/json.js';

/** What the manifest commands need of the process around them. */
export interface ManifestContext {
  /** Absolute; relative paths start here. */
  readonly cwd: string;
  readonly stdout: { write: (text: string) => unknown };
  readonly stderr: { write: (text: string) => unknown };
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const MAX_SHOWN = 20;

export async function runRepair(context: ManifestContext, flags: { readonly file: string; readonly 'break-lock': boolean; readonly json: boolean }): Promise<void> {
  const report = await repairManifest(resolve(context.cwd, flags.file), { breakLock: flags['break-lock'] });
  const people = flags.json ? context.stderr : context.stdout;
  people.write(explainRepair(report).map((line) => `${escapeForTerminal(line)}\n`).join(''));
  if (flags.json) {
    const { original, ...rest } = report;
    context.stdout.write(jsonLine({ event: 'repair', ...rest, ...(original === undefined ? {} : { original }) }, new Date(context.now())));
  }
}

/** What was done and what follows from it, in lines. */
export function explainRepair({ file, original, files, dropped, described, givenUp }: RepairReport): readonly string[] {
  if (original === undefined) {
    return [`${file} is intact; nothing was changed.`];
  }
  return [
    `Repaired ${file}. Files known: ${files}; lines dropped: ${dropped}.`,
    `The original is kept as ${original}.`,
    ...described.slice(0, MAX_SHOWN).map(({ line, type, reason }) => `  line ${line}${type === undefined ? '' : ` (${type})`}: ${reason}`),
    ...(dropped > MAX_SHOWN ? [`  … and ${dropped - MAX_SHOWN} more`] : []),
    ...(givenUp.length === 0 ? [] : ['These large files start again with a fresh key:']),
    ...givenUp.map(({ path, uploadId }) => `  ${path}${uploadId === undefined ? '' : `: its multipart upload ${uploadId} stays behind until it is aborted`}`),
    `Run "sealift resume ${file}": files whose records are lost are checked or sent again.`,
  ];
}
