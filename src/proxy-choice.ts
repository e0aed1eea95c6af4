/** Which proxy a URL is asked through: the one that was named, else that of the environment, as curl reads it. */
import { BlockList, isIP } from 'node:net';
import { SealiftError } from './errors.js';
import { hostOf, isLoopback, portOf } from './store/endpoint.js';
import { parseProxy } from './store/proxy.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What switches the environment's proxy off. */
export const NO_PROXY_AT_ALL = 'none';

/** Lower case counts first. That of plain HTTP is not among them: such endpoints are of this machine, where no proxy helps. */
const NAMES = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'] as const;
const OWN = 'SEALIFT_PROXY';

/**
 * The URL of the proxy for `url`, user and password included; undefined for none. `named` is that of `--proxy`: it holds for all
 * but what NO_PROXY names. The environment's does not hold for loopback addresses either.
 *
 * @throws SealiftError `config-invalid` for a variable that names no HTTP proxy
 */
export function proxyFor(url: URL, named: string | undefined, env: Environment): string | undefined {
  if (named === NO_PROXY_AT_ALL || isExempt(url, firstOf(env, ['no_proxy', 'NO_PROXY'])?.value ?? '')) {
    return undefined;
  }
  if (named !== undefined) {
    return withCredentials(named, env);
  }
  const found = isLoopback(url.hostname) ? undefined : firstOf(env, NAMES);
  if (found !== undefined) {
    parseProxy(found.value, found.name);
  }
  return found?.value;
}

/**
 * A proxy as it may be shown and recorded: `none`, or a URL without user and password, which only the environment may carry.
 *
 * @param label - of the option, for the error
 * @param isPrivate - whether it comes from where others cannot read it
 * @throws SealiftError `config-invalid`, or `usage` for a password in the open, neither of which repeats anything of the value
 */
export function parseProxyOption(label: string, value: string, isPrivate: boolean): string {
  if (value === NO_PROXY_AT_ALL) {
    return value;
  }
  const { authorization, name } = parseProxy(value, label);
  if (authorization !== undefined && !isPrivate) {
    throw new SealiftError('usage', `${label} holds a user name or a password, and others can read it there`, {
      object: label,
      remedy: `Put that URL into the environment, as HTTPS_PROXY or ${OWN}, and leave the option out; change the password if others could read it.`,
    });
  }
  return `http://${name}`;
}

/** The variable of our own may say user and password of the proxy that the option names. */
function withCredentials(named: string, env: Environment): string {
  const own = env[OWN] ?? '';
  return own !== '' && own !== NO_PROXY_AT_ALL && parseProxyOption(OWN, own, true) === named ? own : named;
}

function firstOf(env: Environment, names: readonly string[]): { readonly name: string; readonly value: string } | undefined {
  const name = names.find((candidate) => (env[candidate] ?? '') !== '');
  return name === undefined ? undefined : { name, value: env[name] ?? '' };
}

function isExempt(url: URL, list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => entry !== '' && covers(entry.toLowerCase(), url));
}

const SUBNET = /^(.+)\/(\d{1,3})$/;
const WITH_PORT = /^([^:]+|\[[^\]]+\]):(\d{1,5})$/;

/** `*`, a host with all below it, with or without a leading dot or `*.`, an address or a subnet; and a port after a host or address. */
function covers(entry: string, url: URL): boolean {
  const [, host = entry, port] = WITH_PORT.exec(entry) ?? [];
  if (port !== undefined && Number(port) !== portOf(url)) {
    return false;
  }
  const [name, asked] = [host.replace(/^\[|\]$/g, '').replace(/^\*?\./, ''), hostOf(url)];
  return host === '*' || asked === name || (isIP(asked) === 0 ? asked.endsWith(`.${name}`) : isWithin(asked, name));
}

function isWithin(address: string, subnet: string): boolean {
  const [, network = '', bits] = SUBNET.exec(subnet) ?? [];
  const family = isIP(network);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
