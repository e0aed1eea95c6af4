import { MisusedRequest } from './transport-failures.js';

/** A request, in the terms of what ali-oss passes to its `urllib` option. */
export interface TransportArguments {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Names and values in turn; the length of the body is added here. */
  readonly headers: readonly string[];
  readonly content?: Uint8Array | undefined;
  /** Deliver the body of a 2xx answer as a stream. */
  readonly customResponse?: boolean | undefined;
  readonly ctx: { readonly object: string; readonly signal?: AbortSignal | undefined };
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Printable ASCII without spaces at the ends: anything else is signed as one text and sent as another. */
const VALUE = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;
const PATH = /^\/[\x21-\x7e]*$/;
const LENGTH = 'content-length';

/** Writes what comes before the bodies of requests to one host. */
export class RequestHeads {
  readonly #host: string;
  /** Headers of the last request: what stood at the same place there need not be looked at again, and that is most of them. */
  #seen: readonly string[] = [];

  constructor(host: string) {
    this.#host = host;
  }

  /**
   * Everything before the body. Of `url` only the path counts, cut out as text: a URL parser would resolve the segments . and ..
   * of object names.
   *
   * @throws MisusedRequest for what would not arrive as what it is
   */
  write(url: string, { method, headers, content }: TransportArguments): string {
    const path = url.slice(url.indexOf('/', url.indexOf('//') + 2));
    if (!PATH.test(path)) {
      throw new MisusedRequest('the path has characters that no path has');
    }
    let head = `${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\nconnection: keep-alive\r\n`;
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const [name = '', value = ''] = [headers[at], headers[at + 1]];
      if ((name !== this.#seen[at] && !NAME.test(name)) || (value !== this.#seen[at + 1] && !VALUE.test(value))) {
        throw new MisusedRequest('a header has characters that no header has');
      }
      if (name.length !== LENGTH.length || name.toLowerCase() !== LENGTH) {
        head += `${name}: ${value}\r\n`;
      }
    }
    this.#seen = headers;
    const hasBody = content !== undefined || method === 'PUT' || method === 'POST';
    return hasBody ? `${head}content-length: ${content?.byteLength ?? 0}\r\n\r\n` : `${head}\r\n`;
  }
}
