import { isIP } from 'node:net';
import { SealiftError } from '../errors.js';

export interface EndpointOptions {
  readonly bucket: string;
  /** Region id, with or without the prefix `oss-`. */
  readonly region: string;
  /** URL or host of a custom endpoint, without the bucket. @default made from the region */
  readonly endpoint?: string | undefined;
  /** Use the endpoint inside Alibaba Cloud. Ignored with a custom endpoint. @default false */
  readonly internal?: boolean | undefined;
}

export interface Endpoint {
  /** Where connections go: scheme, host and port, the bucket included unless `pathStyle`. */
  readonly origin: string;
  /** Region id without `oss-`: it is part of every signature. */
  readonly region: string;
  /** Whether the bucket is the first segment of the path instead of the first label of the host. */
  readonly pathStyle: boolean;
}

const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const REGION = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const IPV4_LOOPBACK = /^127(?:\.\d{1,3}){3}$/;

/**
 * Says where the requests of one bucket go. The path style is used for loopback and IP addresses, which have no
 * subdomains; OSS itself accepts only the bucket in the host. Throws code `config-invalid`.
 */
export function resolveEndpoint(options: EndpointOptions): Endpoint {
  const { bucket } = options;
  const region = options.region.replace(/^oss-/, '');
  if (!BUCKET.test(bucket)) {
    throw invalid(`${JSON.stringify(bucket)} is no bucket name`, 'Use 3 to 63 lower-case letters, digits and inner hyphens.');
  }
  if (!REGION.test(region)) {
    throw invalid(`${JSON.stringify(options.region)} is no region id`, 'Give an id such as cn-hangzhou; it is part of every signature.');
  }
  const url = options.endpoint === undefined ? fromRegion(region, options.internal ?? false) : endpointUrl(options.endpoint);
  if (url.hostname.startsWith(`${bucket}.`)) {
    throw invalid(`the endpoint ${url.origin} already contains the bucket`, `Leave "${bucket}." out of the endpoint.`);
  }
  const pathStyle = isLoopback(url.hostname) || isAddress(url.hostname);
  return { origin: pathStyle ? url.origin : `${url.protocol}//${bucket}.${url.host}`, region, pathStyle };
}

/** A custom endpoint, given as URL or host. Throws code `config-invalid`. */
export function endpointUrl(endpoint: string): URL {
  const text = endpoint.includes('://') ? endpoint : `https://${endpoint}`;
  if (!URL.canParse(text)) {
    throw invalid('the endpoint is no URL', 'Give a URL such as https://oss-cn-hangzhou.aliyuncs.com.');
  }
  const url = new URL(text);
  // A URL with a user name may carry a password, so it is not repeated.
  if (url.username !== '' || url.password !== '') {
    throw invalid('the endpoint contains a user name or password', 'Give scheme, host and port only.');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw invalid(`the endpoint ${url.origin} is followed by a path, query or fragment`, 'Give scheme, host and port only.');
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) {
    return url;
  }
  throw invalid(`the endpoint ${url.protocol}//${url.host} is not encrypted`, 'Use https; plain http is for loopback addresses only.');
}

/** Whether a host name of a URL can only be this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || IPV4_LOOPBACK.test(hostname);
}

/** What to connect to: an IPv6 address without the brackets that it has in a URL. */
export function hostOf({ hostname }: URL): string {
  return withoutBrackets(hostname);
}

/** That of the scheme where the URL names none. */
export function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

/**
 * Refuses to run while Node is told not to check certificates. `value` is that of NODE_TLS_REJECT_UNAUTHORIZED. Connections
 * to OSS and KMS are checked regardless; those of what fetches credentials would not be.
 */
export function refuseUnverifiedTls(value: string | undefined): void {
  if (value === '0') {
    const remedy = 'Unset it. For a certificate authority of your own give its certificates with --ca-file.';
    throw invalid('NODE_TLS_REJECT_UNAUTHORIZED=0 turns the check of TLS certificates off', remedy);
  }
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function fromRegion(region: string, internal: boolean): URL {
  return new URL(`https://oss-${region}${internal ? '-internal' : ''}.aliyuncs.com`);
}

function isAddress(hostname: string): boolean {
  return isIP(withoutBrackets(hostname)) !== 0;
}

function invalid(message: string, remedy: string): SealiftError {
  return new SealiftError('config-invalid', message, { object: 'endpoint', remedy });
}
