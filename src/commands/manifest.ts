import type { CommandModule } from 'yargs';
import type { CommandBody } from './context.js';
import type { ManifestContext } from './run-manifest.js';

/** `manifest repair`. */
export function manifestCommand(context: ManifestContext): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .command(repairCommand(context))
        .demandCommand(1, 'Say what to do: repair.')
        .example('$0 manifest repair manifests/20261123T090000Z-1a2b3c.jsonl', 'after exit code 7'),
    handler: () => undefined,
  };
}

interface RepairArguments {
  readonly file: string;
  readonly 'break-lock': boolean;
  readonly json: boolean;
}

function repairCommand(context: ManifestContext): CommandModule<object, RepairArguments> {
  return {
    command: 'repair <file>',
    describe: 'Keep every intact record of a damaged manifest; the original stays as FILE.corrupt',
    builder: (yargs) =>
      yargs
        .positional('file', { type: 'string', demandOption: true, describe: 'The manifest that a command called damaged' })
        .option('break-lock', { type: 'boolean', default: false, describe: 'Take over the lock of a run on another host, or in another container, that is known to be gone' })
        .option('json', { type: 'boolean', default: false, describe: 'One JSON line on stdout, text for people on stderr' })
        .example('$0 manifest repair run.jsonl', 'then run "sealift resume run.jsonl"'),
    handler: async (flags) => {
      const { runRepair } = await import('./run-manifest.js');
      await runRepair(context, flags);
    },
  };
}
