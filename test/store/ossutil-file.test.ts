import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ossutilProfile, parseIni } from '../../src/store/ossutil-file.js';

const NOTHING = { accessKeyId: '', accessKeySecret: '', securityToken: '', roleArn: '', roleSessionName: '', ecsRoleName: '' };

function profile(text: string, name?: string): ReturnType<typeof ossutilProfile> {
  return ossutilProfile(parseIni(text), name);
}

describe('~/.ossutilconfig', () => {
  it('is read as ossutil 1 writes it', () => {
    const text = '\uFEFF[Credentials]\r\nlanguage=EN\r\nendpoint = oss-cn-hangzhou.aliyuncs.com\r\naccessKeyID = ID\r\naccessKeySecret=SECRET\r\n[Default]\r\nloglevel=info\r\n';
    assert.deepEqual(profile(text), { ...NOTHING, mode: 'AK', accessKeyId: 'ID', accessKeySecret: 'SECRET' });
  });

  it('is read as ossutil 2 writes it, in every spelling of its options', () => {
    for (const [id, secret, token] of [['access-key-id', 'access-key-secret', 'sts-token'], ['access_key_id', 'ACCESS_KEY_SECRET', 'sts_token'], ['accessKeyId', 'accessKeySecret', 'stsToken']]) {
      const text = `[default]\n${id ?? ''} = ID\n${secret ?? ''}=SECRET\n# comment = x\n; other = y\n${token ?? ''}=TOKEN`;
      assert.deepEqual(profile(text), { ...NOTHING, mode: 'StsToken', accessKeyId: 'ID', accessKeySecret: 'SECRET', securityToken: 'TOKEN' });
    }
  });

  it('gives the profile that is named, and that alone', () => {
    const text = '[default]\naccess-key-id=A\naccess-key-secret=B\n[profile Dev]\nmode=RamRoleArn\naccess-key-id=C\naccess-key-secret=D\nrole-arn=acs:ram::1:role/r\nrole-session-name=s';
    assert.deepEqual(profile(text, 'Dev'), { ...NOTHING, mode: 'RamRoleArn', accessKeyId: 'C', accessKeySecret: 'D', roleArn: 'acs:ram::1:role/r', roleSessionName: 's' });
    assert.equal(profile(text, 'default')?.accessKeyId, 'A');
    assert.equal(profile(text, 'dev'), undefined);
    assert.equal(profile(text, 'other'), undefined);
  });

  it('prefers what version 2 wrote, where it holds credentials at all', () => {
    const old = '[Credentials]\naccessKeyID=OLD\naccessKeySecret=S\n';
    assert.equal(profile(`${old}[default]\naccess-key-id=NEW\naccess-key-secret=S`)?.accessKeyId, 'NEW');
    assert.equal(profile(`${old}[Default]\nloglevel=info`)?.accessKeyId, 'OLD');
  });

  it('knows the roles of instances', () => {
    assert.deepEqual(profile('[default]\nmode=EcsRamRole\necs-role-name=web'), { ...NOTHING, mode: 'EcsRamRole', ecsRoleName: 'web' });
    assert.deepEqual(profile('[AkService]\necsAk=http://100.100.100.200/latest/meta-data/Ram/security-credentials/web'), { ...NOTHING, mode: 'EcsRamRole', ecsRoleName: 'web' });
  });

  it('may hold no credentials', () => {
    for (const text of ['', '[Credentials]\nlanguage=CH\nendpoint=e', 'accessKeyID=stray\naccessKeySecret=stray', '[default]\naccess-key-id=\n']) {
      assert.equal(profile(text), undefined, text);
    }
  });
});
