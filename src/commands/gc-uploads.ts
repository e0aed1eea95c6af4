import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function gcUploadsCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('place', { type: 'string', describe: 'oss://bucket[/prefix]; a prefix matches whole segments' })
        .options(settingOptions(COMMAND_SETTINGS['gc-uploads']))
        .example('$0 gc-uploads oss://backup --older-than 7d --dry-run', 'say what would be aborted; an unfinished push of that age would begin its file anew'),
    handler: async (flags: Arguments) => {
      const { runGcUploads } = await import('./run-gc-uploads.js');
      await runGcUploads(context, flags);
    },
  };
}
