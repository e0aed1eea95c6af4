/** Ctrl-C once: stop taking in, let what is in flight finish. Twice: stop at once. */
import { SealiftError, exitCodeOf, type ErrorCode } from '../errors.js';

/** Requests in flight get ten seconds; whatever hangs longer is left to the manifest. In milliseconds. */
const PATIENCE_MS = 12_000;

const MEANINGS = { SIGINT: 'interrupted', SIGTERM: 'terminated' } as const satisfies Readonly<Record<string, ErrorCode>>;

type StopSignal = keyof typeof MEANINGS;

export interface SignalHost {
  on(signal: StopSignal, listener: () => void): unknown;
  exit(exitCode: number): void;
  say(text: string): void;
}

/** Takes over SIGINT and SIGTERM of the host; the reason of the abort is a SealiftError. */
export function abortOnSignals(host: SignalHost): AbortSignal {
  const controller = new AbortController();
  const stop = (name: StopSignal): void => {
    const code = MEANINGS[name];
    if (controller.signal.aborted) {
      host.exit(exitCodeOf(code));
      return;
    }
    host.say(`${code}: finishing what is in flight; once more stops at once\n`);
    setTimeout(() => host.exit(exitCodeOf(code)), PATIENCE_MS).unref();
    controller.abort(new SealiftError(code, `stopped by ${name}`, { remedy: 'Run the same command again: a push or a pull goes on where it stopped.' }));
  };
  host.on('SIGINT', () => stop('SIGINT'));
  host.on('SIGTERM', () => stop('SIGTERM'));
  return controller.signal;
}
