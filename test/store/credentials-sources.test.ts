import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { findCredentials, type CredentialSources } from '../../src/store/credentials-sources.js';

const root = mkdtempSync(join(tmpdir(), 'sealift-credentials-'));
after(() => rmSync(root, { recursive: true, force: true }));
let homes = 0;

/** A home directory with these files in it. */
function home(files: Readonly<Record<string, string>> = {}): string {
  const directory = join(root, String(++homes));
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

async function find(sources: Partial<CredentialSources>): Promise<unknown> {
  return await (await findCredentials({ environment: {}, home: home(), ...sources }))();
}

const OSS = { OSS_ACCESS_KEY_ID: 'OSS-ID', OSS_ACCESS_KEY_SECRET: 'OSS-SECRET' };
const OSSUTIL = '[default]\naccess-key-id=UTIL-ID\naccess-key-secret=UTIL-SECRET\n[profile dev]\naccess-key-id=DEV-ID\naccess-key-secret=DEV-SECRET\nsts-token=DEV-TOKEN\n';

describe('credentials come from', () => {
  it('the variables of the OSS tools, with or without a token', async () => {
    assert.deepEqual(await find({ environment: OSS, home: home({ '.ossutilconfig': OSSUTIL }) }), { accessKeyId: 'OSS-ID', accessKeySecret: 'OSS-SECRET' });
    assert.deepEqual(await find({ environment: { ...OSS, OSS_SESSION_TOKEN: 'T' } }), { accessKeyId: 'OSS-ID', accessKeySecret: 'OSS-SECRET', securityToken: 'T' });
    assert.deepEqual(await find({ environment: { ...OSS, OSS_SESSION_TOKEN: '' } }), { accessKeyId: 'OSS-ID', accessKeySecret: 'OSS-SECRET' });
  });

  it('~/.ossutilconfig, where no variable is set', async () => {
    const environment = { OSS_ACCESS_KEY_ID: '', OSS_ACCESS_KEY_SECRET: '' };
    assert.deepEqual(await find({ environment, home: home({ '.ossutilconfig': OSSUTIL }) }), { accessKeyId: 'UTIL-ID', accessKeySecret: 'UTIL-SECRET' });
  });

  it('the profile that is named, whatever the environment says', async () => {
    const directory = home({ '.ossutilconfig': OSSUTIL });
    assert.deepEqual(await find({ environment: OSS, home: directory, profile: 'dev' }), { accessKeyId: 'DEV-ID', accessKeySecret: 'DEV-SECRET', securityToken: 'DEV-TOKEN' });
  });
});

describe('credentials are refused', () => {
  const refuses = async (sources: Partial<CredentialSources>, code: string, text: RegExp): Promise<void> => {
    await assert.rejects(find(sources), (error: Error & { code: string; remedy?: string }) => {
      assert.equal(error.code, code);
      assert.match(`${error.message} ${error.remedy ?? ''}`, text);
      assert.doesNotMatch(`${error.message} ${error.remedy ?? ''} ${String(error.cause)}`, /CANARY/);
      return true;
    });
  };

  it('when half of a pair is missing', async () => {
    await refuses({ environment: { OSS_ACCESS_KEY_ID: 'CANARY' } }, 'credentials-missing', /OSS_ACCESS_KEY_SECRET is not set/);
    await refuses({ environment: { OSS_ACCESS_KEY_SECRET: 'CANARY' } }, 'credentials-missing', /OSS_ACCESS_KEY_ID is not set/);
    await refuses({ home: home({ '.ossutilconfig': '[default]\naccess-key-id=CANARY' }) }, 'credentials-missing', /no access key secret/);
  });

  it('when a profile is nowhere, naming the files that were looked into', async () => {
    const directory = home({ '.ossutilconfig': OSSUTIL, '.aliyun/config.json': '{"profiles":[{"name":"cli"}]}', '.alibabacloud/credentials': '[shared]\ntype=access_key' });
    await refuses({ home: directory, profile: 'nope' }, 'credentials-missing', /"nope".*\.ossutilconfig.*config\.json.*\.alibabacloud\/credentials/);
  });

  it('when a profile has a mode that is not known, or a file that is none', async () => {
    await refuses({ home: home({ '.ossutilconfig': '[profile p]\nmode=Magic\naccess-key-id=CANARY' }), profile: 'p' }, 'config-invalid', /mode/);
    await refuses({ home: home({ '.aliyun/config.json': '{"CANARY' }), profile: 'p' }, 'config-invalid', /not JSON/);
  });

  it('when the library finds nothing in a profile, without quoting the file', async () => {
    const shared = home({ '.alibabacloud/credentials': '[p]\ntype=CANARY\naccess_key_id=CANARY' });
    await refuses({ home: shared, profile: 'p' }, 'credentials-missing', /profile p of .*credentials gives no credentials/);
    await refuses({ home: home({ '.ossutilconfig': '[default]\nmode=RamRoleArn\naccess-key-id=CANARY' }) }, 'credentials-missing', /gives no credentials/);
  });

  it('when a file cannot be read', async () => {
    const directory = home();
    mkdirSync(join(directory, '.ossutilconfig'));
    await refuses({ home: directory }, 'credentials-missing', /cannot be read: EISDIR/);
  });
});
