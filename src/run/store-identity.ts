import { endpointUrl, isLoopback } from '../store/endpoint.js';
import type { Credentials, StoreTarget } from './options.js';

/**
 * Which store a manifest speaks of. An embedded cloud comes back on another port each time, so there the access key id
 * stands for it: it is made once per data directory. Temporary ones stand for nothing.
 */
export function storeIdentity(target: StoreTarget, credentials: Credentials): string {
  if (target.endpoint === undefined) {
    return target.region;
  }
  const { hostname, host } = endpointUrl(target.endpoint);
  return isLoopback(hostname) ? `loopback/${credentials.securityToken === undefined ? credentials.accessKeyId : 'temporary'}` : host;
}
