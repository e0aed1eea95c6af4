/** `~/.ossutilconfig` in both of its layouts, and the INI files of its relatives. */

/** Section name, lower case where it is not a profile's own → option name, lower case without `-` and `_` → value. */
export type IniFile = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What a profile says about where its credentials come from. */
export interface OssutilProfile {
  /** As written: `AK`, `StsToken`, `RamRoleArn`, `EcsRamRole`, or one that is not known here. */
  readonly mode: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
  readonly roleArn: string;
  readonly roleSessionName: string;
  /** Of the ECS instance; empty asks the metadata service for it. */
  readonly ecsRoleName: string;
}

/** Never fails: lines that are neither section, comment nor option are passed over, as ossutil does. */
export function parseIni(text: string): IniFile {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const header = /^\s*\[\s*(.*?)\s*\]\s*$/.exec(line);
    if (header !== null) {
      const name = sectionName(header[1] ?? '');
      section = sections.get(name) ?? new Map<string, string>();
      sections.set(name, section);
      continue;
    }
    const option = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (option !== null) {
      section.set((option[1] ?? '').toLowerCase().replace(/[-_]/g, ''), option[2] ?? '');
    }
  }
  return sections;
}

/**
 * The named profile of ossutil 2, or without a name what ossutil itself would take: `[default]` of version 2, else
 * `[Credentials]` of version 1. Undefined when the file holds no credentials there.
 */
export function ossutilProfile(file: IniFile, name: string | undefined): OssutilProfile | undefined {
  const candidates = name === undefined ? ['default', 'credentials'] : name === 'default' ? ['default'] : [`profile ${name}`];
  const section = candidates.map((candidate) => file.get(candidate)).find((found) => found !== undefined && hasCredentials(found));
  const instance = name === undefined ? file.get('akservice')?.get('ecsak') : undefined;
  if (section === undefined) {
    return instance === undefined ? undefined : { ...toProfile(new Map()), mode: 'EcsRamRole', ecsRoleName: instance.split('/').at(-1) ?? '' };
  }
  return toProfile(section);
}

function hasCredentials(section: ReadonlyMap<string, string>): boolean {
  return ['mode', 'accesskeyid', 'ecsrolename', 'rolearn', 'ramrolearn'].some((name) => (section.get(name) ?? '') !== '');
}

function toProfile(section: ReadonlyMap<string, string>): OssutilProfile {
  const text = (...names: string[]): string => names.map((name) => section.get(name) ?? '').find((value) => value !== '') ?? '';
  const securityToken = text('ststoken', 'securitytoken');
  return {
    mode: text('mode') || (securityToken === '' ? 'AK' : 'StsToken'),
    accessKeyId: text('accesskeyid'),
    accessKeySecret: text('accesskeysecret'),
    securityToken,
    roleArn: text('rolearn', 'ramrolearn'),
    roleSessionName: text('rolesessionname'),
    ecsRoleName: text('ecsrolename'),
  };
}

/** `[profile NAME]` keeps the case of the name; the words of the format have none. */
function sectionName(header: string): string {
  const profile = /^profile\s+(.+)$/i.exec(header);
  return profile === null ? header.toLowerCase() : `profile ${profile[1] ?? ''}`;
}
