import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function pushCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('dir', { type: 'string', describe: 'Directory to send' })
        .positional('destination', { type: 'string', describe: 'oss://bucket[/prefix]' })
        .options(settingOptions(COMMAND_SETTINGS.push))
        .example('$0 push ./photos oss://backup/photos --local', 'try it without an account')
        .example('$0 push ./photos oss://backup/photos --key public.pem --region cn-hangzhou', 'a public key is enough')
        .example('$0 push ./photos oss://backup/photos --kms-key alias/backup --region cn-hangzhou', 'under a key in Alibaba KMS'),
    handler: async (flags: Arguments) => {
      const { runPush } = await import('./run-push.js');
      await runPush(context, { flags, source: flags['dir'], destination: flags['destination'] });
    },
  };
}
