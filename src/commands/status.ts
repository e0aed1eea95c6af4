import type { Arguments, CommandModule } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { Context } from './context.js';
import { settingOptions } from './options.js';

export function statusCommand(context: Context): CommandModule {
  return {
    command: 'status [manifest]',
    describe: 'What of a run is done, failed, skipped and left; exit code 0 complete, 3 unfinished',
    builder: (yargs) =>
      yargs
        .positional('manifest', { type: 'string', describe: 'Manifest file or run id', defaultDescription: 'the newest run' })
        .options(settingOptions(COMMAND_SETTINGS.status))
        .example('$0 status', 'the newest run')
        .example('$0 status manifests/20261123T090000Z-4f2a.jsonl --json', 'for programs'),
    handler: async (flags: Arguments) => {
      const { runStatus } = await import('./run-status.js');
      await runStatus(context, flags);
    },
  };
}
