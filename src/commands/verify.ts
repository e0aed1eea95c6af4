import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function verifyCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('source', { type: 'string', describe: 'oss://bucket[/prefix]' })
        .options(settingOptions(COMMAND_SETTINGS.verify))
        .example('$0 verify oss://backup/photos --key private.pem --region cn-hangzhou', 'every object opens')
        .example('$0 verify oss://backup/photos --key private.pem --manifest run.jsonl --against ./photos --report proof.json', 'the record that signs a migration off'),
    handler: async (flags: Arguments) => {
      const { runVerify } = await import('./run-verify.js');
      await runVerify(context, { flags, source: flags['source'] });
    },
  };
}
