import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function statusCommand(context: Context): CommandBody {
  return {
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
