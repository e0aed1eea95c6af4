import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { DataKey } from '../../src/crypto/data-key.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { fingerprintOf } from '../../src/keys/master-key.js';
import { rsaKey } from '../../src/keys/rsa.js';
import type { WorkerContext } from '../../src/run/context.js';
import { openPorts, within } from '../../src/run/threads/ports.js';
import type { ThreadCommons } from '../../src/run/threads/thread-commons.js';

const credentials = { accessKeyId: 'a', accessKeySecret: 'b' };
const context: WorkerContext = {
  store: { bucket: 'b-1', region: 'cn-hangzhou', credentials, connections: 1 },
  keys: [rsaKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
  family: 'oss-crypto', root: Buffer.from('/'), concurrency: 1, threads: 1, channel: 'ports',
};
const commons: ThreadCommons = { credentials: () => Promise.resolve(credentials), get: (_, unwrap) => unwrap(), kmsShare: 1, close: () => undefined };

describe('the ports of a thread', () => {
  it('wipe the data keys that nobody took', async (t) => {
    const { ports } = openPorts(context, commons, () => undefined);
    ports.starts().prepare(3);
    const { issued } = await ports.starts().next();
    const wiped = t.mock.method(DataKey.prototype, 'wipe');
    await ports.close();
    assert.equal(wiped.mock.callCount(), 2);
    assert.equal(issued.dataKey.exportBytes().length, 32, 'taken before: still there');
  });

  it('have one successor, the first key, whichever room is used', async () => {
    const { ports } = openPorts(context, commons, () => undefined);
    assert.equal(within(ports, Buffer.alloc(1)).successor(), ports.successor());
    assert.equal((await ports.successor().rewrapper.wrapStart(StartBlock.generate())).under, fingerprintOf(context.keys[0] ?? assert.fail()));
    await ports.close();
  });

  it('have none without a key', async () => {
    const { ports } = openPorts({ ...context, keys: [] }, commons, () => undefined);
    assert.throws(() => ports.successor().rewrapper, { name: 'MasterKeyError', code: 'master-key-missing' });
    await ports.close();
  });
});
