import { SealiftError } from '../errors.js';
import { hostOf, portOf } from './endpoint.js';

/** An HTTP proxy. Holds a secret: of what it says of itself only `name` may be shown. */
export interface Proxy {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Value of Proxy-Authorization. */
  readonly authorization: string | undefined;
  /** Host and port, for messages. */
  readonly name: string;
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * A proxy from `http://[user:password@]host[:port]`, or the same without its scheme. User and password are percent-encoded.
 *
 * @param label - what named it, for the error, which repeats nothing of the text: it may hold a password
 * @throws SealiftError `config-invalid` for anything else
 */
export function parseProxy(text: string, label: string): Proxy {
  const url = urlOf(text);
  if (url?.protocol !== 'http:' || url.hostname === '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw invalid(label);
  }
  const port = portOf(url);
  return { host: hostOf(url), port, authorization: authorizationOf(url, label), name: `${url.hostname}:${port}` };
}

function urlOf(text: string): URL | undefined {
  const whole = SCHEME.test(text) ? text : `http://${text}`;
  return URL.canParse(whole) ? new URL(whole) : undefined;
}

function authorizationOf({ username, password }: URL, label: string): string | undefined {
  if (username === '' && password === '') {
    return undefined;
  }
  try {
    return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
  } catch {
    throw invalid(label);
  }
}

function invalid(label: string): SealiftError {
  return new SealiftError('config-invalid', `${label} is not the URL of an HTTP proxy`, {
    object: label,
    remedy: 'Give one such as http://proxy.example.com:3128, special characters of user and password percent-encoded. Proxies that speak TLS or SOCKS themselves are not supported; --proxy none goes without.',
  });
}
