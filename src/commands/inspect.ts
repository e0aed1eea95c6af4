import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function inspectCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('object', { type: 'string', describe: 'oss://bucket/key' })
        .options(settingOptions(COMMAND_SETTINGS.inspect))
        .example('$0 inspect oss://backup/photos/list.txt --key private.pem --region cn-hangzhou', 'reads the metadata only; with a key it is verified')
        .example('$0 inspect oss://backup/photos/list.txt --local --json', 'for programs'),
    handler: async (flags: Arguments) => {
      const { runInspect } = await import('./run-inspect.js');
      await runInspect(context, flags);
    },
  };
}
