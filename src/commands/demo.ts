import type { CommandModule } from 'yargs';
import type { Context } from './context.js';

export function demoCommand(context: Context): CommandModule {
  return {
    command: 'demo',
    describe: 'Push, kill, resume, pull and compare a small tree against the embedded cloud, in under 30 seconds',
    builder: (yargs) => yargs.example('$0 demo', 'needs neither account nor configuration and leaves nothing behind'),
    handler: async () => {
      const { runDemo } = await import('./demo/run-demo.js');
      await runDemo(context);
    },
  };
}
