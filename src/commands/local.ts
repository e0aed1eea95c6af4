import type { CommandBody, Context } from './context.js';

export function localCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .options({
          data: { type: 'string', requiresArg: true, describe: 'Directory in which objects, credentials and KMS keys are kept [default: .sealift]' },
          port: { type: 'string', requiresArg: true, describe: 'Port of OSS, 0 to 65535 [default: 0, a free one]' },
          'kms-port': { type: 'string', requiresArg: true, describe: 'Port of KMS, 0 to 65535 [default: 0, a free one]' },
          'request-log': { type: 'string', requiresArg: true, describe: 'File to which every request is appended as a JSON line, with digests of what was received [default: none]' },
          json: { type: 'boolean', describe: 'Print addresses and credentials as one JSON line, for programs [default: false]' },
        })
        .example('$0 local', 'bucket "sealift" in region cn-hangzhou, on a free port')
        .example('$0 local --data /tmp/cloud --port 9000 --json', 'for tests of other programs'),
    handler: async (flags) => {
      const { runLocal } = await import('./run-local.js');
      await runLocal(context, flags);
    },
  };
}
