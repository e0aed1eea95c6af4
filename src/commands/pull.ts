import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function pullCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('source', { type: 'string', describe: 'oss://bucket[/prefix]; a single object lands in the directory under its last name part' })
        .positional('dir', { type: 'string', describe: 'Directory to fill; made when it is missing' })
        .options(settingOptions(COMMAND_SETTINGS.pull))
        .example('$0 pull oss://backup/photos ./restored --local', 'from the embedded cloud')
        .example('$0 pull oss://backup/photos ./restored --key private.pem --region cn-hangzhou', 'needs the private key')
        .example('$0 pull oss://backup/photos ./restored --region cn-hangzhou', 'what a KMS key sealed opens without naming it'),
    handler: async (flags: Arguments) => {
      const { runPull } = await import('./run-pull.js');
      await runPull(context, { flags, source: flags['source'], destination: flags['dir'] });
    },
  };
}
