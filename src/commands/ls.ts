import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function lsCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('place', { type: 'string', describe: 'oss://bucket[/prefix]; a prefix matches whole segments' })
        .options(settingOptions(COMMAND_SETTINGS.ls))
        .example('$0 ls oss://backup/photos --region cn-hangzhou', 'needs no key: the metadata tells; "verify" proves it')
        .example('$0 ls oss://backup --local --json', 'one object per line, for programs'),
    handler: async (flags: Arguments) => {
      const { runLs } = await import('./run-ls.js');
      await runLs(context, flags);
    },
  };
}
