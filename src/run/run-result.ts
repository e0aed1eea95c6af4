import type { RunResult } from './options.js';
import type { Tally } from './tally.js';

export function resultOf(tally: Tally, facts: { readonly run: string; readonly manifest?: string; readonly complete: boolean }): RunResult {
  return { ...facts, ...tally.counters, exitCode: tally.exitCode, ...tally.remarks, failures: tally.failures };
}
