/** What a manifest says about a run, for people. */
import type { SkipReasons } from '../run/events.js';
import { shellWord } from './closing.js';
import { escapeForTerminal } from './escape.js';
import { formatBytes, formatCount } from './format.js';
import { skipWords } from './skips.js';

export interface RunStatus {
  readonly run: string;
  readonly kind: 'push' | 'pull';
  readonly manifest: string;
  /** oss:// address. */
  readonly place: string;
  /** Local root, percent-encoded. */
  readonly directory: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** ISO 8601, of the latest session that ended in good order. */
  readonly endedAt: string | undefined;
  readonly complete: boolean;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skipReasons: SkipReasons;
  /** Begun and not finished. */
  readonly left: number;
  /** Plaintext bytes of what is done. */
  readonly bytes: number;
  /** The last error of every file that failed and was not done since. */
  readonly failures: readonly { readonly path: string; readonly code: string; readonly message: string; readonly remedy?: string | undefined }[];
  readonly unfinished: readonly { readonly path: string; readonly sizeBytes: number; readonly pieces: number; readonly direction: 'up' | 'down' }[];
}

/** Lines without newline at the end; every name in them is safe to print. All failures are listed, however many. */
export function statusLines(status: RunStatus): string[] {
  const { complete, manifest, kind, place, directory } = status;
  const [from, to] = kind === 'push' ? [directory, place] : [place, directory];
  return [
    `${kind} ${escapeForTerminal(from)} → ${escapeForTerminal(to)}: ${complete ? 'complete' : 'unfinished'}`,
    `  run       ${escapeForTerminal(status.run)}, begun ${status.startedAt}, ${ending(status)}`,
    `  done      ${formatCount(status.done)} (${formatBytes(status.bytes)})`,
    `  skipped   ${[formatCount(status.skipped), skipWords(status.skipReasons)].filter((text) => text !== '').join(': ')}`,
    `  failed    ${formatCount(status.failed)}`,
    `  left      ${formatCount(status.left)} begun and not finished${complete ? '' : '; files that no session has come to are not counted'}`,
    ...status.unfinished.map(pieceLine),
    ...status.failures.flatMap(failureLines),
    ...(complete ? [] : [`continue with: sealift resume ${shellWord(manifest)}`]),
  ];
}

function ending({ endedAt }: RunStatus): string {
  return endedAt === undefined ? 'at work or interrupted' : `last session ended ${endedAt}`;
}

function pieceLine({ path, sizeBytes, pieces, direction }: RunStatus['unfinished'][number]): string {
  const what = direction === 'up' ? 'parts confirmed' : 'ranges on disk';
  return `  ${direction === 'up' ? '↑' : '↓'} ${escapeForTerminal(path)}: ${formatCount(pieces)} ${what}, ${formatBytes(sizeBytes)} in all`;
}

function failureLines({ path, code, message, remedy }: RunStatus['failures'][number]): string[] {
  const line = `  ✗ ${escapeForTerminal(path)}: ${escapeForTerminal(message)} (${escapeForTerminal(code)})`;
  return remedy === undefined ? [line] : [line, `    ${escapeForTerminal(remedy)}`];
}
