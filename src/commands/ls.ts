import type { Arguments, CommandModule } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { Context } from './context.js';
import { settingOptions } from './options.js';

export function lsCommand(context: Context): CommandModule {
  return {
    command: 'ls <place>',
    describe: 'List what lies below oss://bucket[/prefix]: plaintext size in bytes, and whether it can be authenticated',
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
