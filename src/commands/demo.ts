import type { CommandBody, Context } from './context.js';

export function demoCommand(context: Context): CommandBody {
  return {
    builder: (yargs) => yargs.example('$0 demo', 'needs neither account nor configuration and leaves nothing behind'),
    handler: async () => {
      const { runDemo } = await import('./demo/run-demo.js');
      await runDemo(context);
    },
  };
}
