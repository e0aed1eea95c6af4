import { COMMAND_SETTINGS } from '../settings.js';
import type { Context } from './context.js';
import { defined } from './defined.js';
import { runTransfer } from './transfer.js';

export interface VerifyRequest {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly source: unknown;
}

export async function runVerify(context: Context, { flags, source }: VerifyRequest): Promise<void> {
  await runTransfer(context, { label: 'verify', flags, purpose: 'open', names: COMMAND_SETTINGS.verify, place: source }, async ({ settings, session, common }) => {
    const { verify } = await import('../run/verify.js');
    const { against, report } = settings;
    return verify({
      ...common,
      ownPaths: session.ownPaths,
      ...defined({ against, report, headersOnly: settings['headers-only'], allowRenamed: settings['allow-renamed'], allowUnauthenticated: settings['allow-unauthenticated'] }),
    });
  });
}
