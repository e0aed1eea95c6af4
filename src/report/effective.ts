import type { Effective } from '../run/events.js';
import { escapeForTerminal } from './escape.js';
import { formatBytes, formatThreads } from './format.js';

/** The numbers a run works with, as `--dry-run` prints them: one aligned line each. */
export function effectiveLines(effective: Effective): string[] {
  const prefix = effective.prefix === '' ? '' : `/${effective.prefix}`;
  const rows: readonly (readonly [string, string])[] = [
    ['bucket', `oss://${effective.bucket}${prefix} in ${effective.region}`],
    ['endpoint', effective.endpoint],
    ...(effective.proxy === undefined ? [] : [['proxy', effective.proxy] as const]),
    ['envelope', effective.envelope],
    ['master keys', effective.masterKeys.join(', ')],
    ['threads', formatThreads(effective)],
    ['requests', `${effective.concurrency} in flight per thread`],
    ['part size', formatBytes(effective.partBytes)],
    ['memory', formatBytes(effective.memoryBytes)],
    ['bandwidth', bandwidthOf(effective)],
    ['in one PUT', `up to ${formatBytes(effective.singlePutBytes)}`],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(12)} ${escapeForTerminal(value)}`);
}

function bandwidthOf({ bandwidthBytesPerSecond: limit }: Effective): string {
  return limit === undefined ? 'no limit' : `${formatBytes(limit)} per second`;
}
