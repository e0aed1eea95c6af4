import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { applyCtr } from '../../src/crypto/ctr.js';
import { parseAttributes } from '../../src/envelope/authentication.js';
import { encodeEnvelope } from '../../src/envelope/envelope.js';
import { Keyring } from '../../src/keys/keyring.js';
import { rsaUnwrapper } from '../../src/keys/rsa.js';
import { openBody, openEnvelope } from '../../src/run/opening.js';
import { GOLDEN_DIRECTORY, goldenKey, type GoldenFile } from './golden.js';

const files = readdirSync(GOLDEN_DIRECTORY).filter((name) => name.endsWith('.json'));
const STRICT = { allowRenamed: false, allowUnauthenticated: false, mustBeSealed: true };

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

describe('golden objects', () => {
  it('are there', () => {
    assert.ok(files.includes('v1.json'));
  });

  for (const name of files) {
    const { format, objects } = JSON.parse(readFileSync(new URL(name, GOLDEN_DIRECTORY), 'utf8')) as GoldenFile;
    for (const golden of objects) {
      it(`of ${format} open forever: ${golden.family} ${golden.key}`, async () => {
        const body = Buffer.from(golden.body, 'base64');
        const opened = await openEnvelope(golden.key, { metadata: golden.metadata, sizeBytes: body.length }, new Keyring([rsaUnwrapper(goldenKey())]), STRICT);
        const { envelope, keys, sealed: { authentication } = assert.fail('foreign') } = opened;
        assert.deepEqual(parseAttributes(authentication.attributes), { mode: Number.parseInt(golden.mode, 8), mtimeNs: BigInt(golden.mtimeNs) });

        const asForeign = Buffer.from(body);
        applyCtr(keys.dataKey, keys.startBlock, 0, asForeign);
        openBody(golden.key, opened, body);
        assert.equal(body.length, golden.plaintextBytes);
        assert.equal(sha256(body), golden.plaintextSha256);
        assert.deepEqual(asForeign, body);
        assert.deepEqual(encodeEnvelope({ ...envelope, authentication }), golden.metadata);
      });
    }
  }
});
