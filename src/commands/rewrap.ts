import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function rewrapCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('place', { type: 'string', describe: 'oss://bucket[/prefix]' })
        .options(settingOptions(COMMAND_SETTINGS.rewrap))
        .example('$0 rewrap oss://backup/photos --key new.pem --key old.pem --region cn-hangzhou', 'the first key takes over what the others open')
        .example('$0 rewrap oss://backup/photos --kms-key alias/backup --key old.pem --region cn-hangzhou', 'from a key file to Alibaba KMS'),
    handler: async (flags: Arguments) => {
      const { runRewrap } = await import('./run-rewrap.js');
      await runRewrap(context, { flags, place: flags['place'] });
    },
  };
}
