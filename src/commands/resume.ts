import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function resumeCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('manifest', { type: 'string', describe: 'Manifest file or run id', defaultDescription: 'the newest unfinished run' })
        .options(settingOptions(COMMAND_SETTINGS.resume))
        .example('$0 resume --key private.pem', 'options are remembered; keys and credentials are given again')
        .example('$0 resume manifests/20261123T090000Z-4f2a.jsonl', 'one run by name'),
    handler: async (flags: Arguments) => {
      const { runResume } = await import('./run-resume.js');
      await runResume(context, flags);
    },
  };
}
