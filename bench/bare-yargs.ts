/** The least that a program with yargs does for `--help`: one command, no module of ours. */
import yargs from 'yargs';

await yargs(process.argv.slice(2))
  .scriptName('bare')
  .command('push <dir> <destination>', 'Does nothing', {}, () => undefined)
  .demandCommand(1)
  .strict()
  .parseAsync();
