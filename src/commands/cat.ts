import type { Arguments } from 'yargs';
import { COMMAND_SETTINGS } from '../settings.js';
import type { CommandBody, Context } from './context.js';
import { settingOptions } from './options.js';

export function catCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('object', { type: 'string', describe: 'oss://bucket/key' })
        .options(settingOptions(COMMAND_SETTINGS.cat))
        .example('$0 cat oss://backup/photos/list.txt --key private.pem --region cn-hangzhou', 'nothing is written unless everything is authentic')
        .example('$0 cat oss://backup/big.log --range 0-999 --unverified-range --local', 'the first 1,000 bytes, which nothing can authenticate'),
    handler: async (flags: Arguments) => {
      const { runCat } = await import('./run-cat.js');
      await runCat(context, flags);
    },
  };
}
