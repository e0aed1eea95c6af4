import type { CommandBody, Context } from './context.js';

export function doctorCommand(context: Context): CommandBody {
  return {
    builder: (yargs) =>
      yargs
        .positional('dir', { type: 'string', describe: 'Directory into which something was pulled' })
        .options({
          remove: { type: 'boolean', describe: 'Remove those whose process is gone for certain; a large file that was under way is then fetched anew', defaultDescription: 'false' },
          force: { type: 'boolean', describe: 'With --remove: those of other hosts and containers too, where no sealift is at work any more', defaultDescription: 'false' },
          json: { type: 'boolean', describe: 'One JSON event per line on stdout', defaultDescription: 'false' },
        })
        .example('$0 doctor ./restored', 'say what killed pulls have left, and whose it is')
        .example('$0 doctor ./restored --remove --force', 'also what a container has left that is gone'),
    handler: async (flags) => {
      const { runDoctor } = await import('./run-doctor.js');
      await runDoctor(context, flags);
    },
  };
}
