import { COMMAND_SETTINGS } from '../settings.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
import { runTransfer } from './transfer.js';

export interface RewrapRequest {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly place: unknown;
}

export async function runRewrap(context: Context, { flags, place }: RewrapRequest): Promise<void> {
  await runTransfer(context, { label: 'rewrap', flags, purpose: 'rewrap', names: COMMAND_SETTINGS.rewrap, place }, async ({ settings, common }) => {
    const { rewrap } = await import('../run/rewrap.js');
    return await rewrap({ ...common, ...defined({ allowRenamed: settings['allow-renamed'] }) });
  });
}
