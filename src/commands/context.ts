import type { CommandModule } from 'yargs';
import type { Environment } from '../config.js';
import type { ThreadPool, ThreadPoolOptions } from '../run/threads/thread-pool.js';

/** What a command takes and does; how it is called stands in the table of all of them. */
export type CommandBody = Pick<CommandModule, 'builder' | 'handler'>;

/** What a command may know of the process around it; tests and the entry point provide it. */
export interface Context {
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /**
   * Aborted by the first SIGINT or SIGTERM, with the SealiftError that names it as reason. Until a command asks for it,
   * signals end the process as they always do.
   */
  readonly signal: () => AbortSignal;
  /** Sets the exit code of the process; the command still has to return. */
  readonly exitWith: (exitCode: number) => void;
  /** Says that the last JSON event was written, so that nobody writes a second one. */
  readonly summarized: () => void;
  /** Threads that outlive a command, for a process that runs many. @default each run starts its own, and ends them */
  readonly lendThreads?: ((asked: Pick<ThreadPoolOptions, 'threads' | 'concurrency'>) => ThreadPool) | undefined;
}
