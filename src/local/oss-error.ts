import { document, element, text } from './xml.js';

export interface OssErrorDetails {
  /** Sub-code of the error, as OSS sends it in `EC` and `x-oss-ec`. */
  readonly ec?: string;
  /** Further elements of the XML, such as `StringToSign`. */
  readonly more?: Readonly<Record<string, string>>;
}

/** An answer of the OSS protocol that refuses a request. Never leaves the server as an exception. */
export class OssError extends Error {
  readonly status: number;
  readonly code: string;
  readonly ec: string;
  readonly more: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, details: OssErrorDetails = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.ec = details.ec ?? '0000-00000000';
    this.more = details.more ?? {};
  }

  static {
    this.prototype.name = 'OssError';
  }

  toXml(requestId: string, hostId: string): string {
    return document(
      element(
        'Error',
        text('Code', this.code),
        text('Message', this.message),
        text('RequestId', requestId),
        text('HostId', hostId),
        ...Object.entries(this.more).map(([name, value]) => text(name, value)),
        text('EC', this.ec),
      ),
    );
  }
}

export function invalidArgument(message: string, ec?: string): OssError {
  return new OssError(400, 'InvalidArgument', message, ec === undefined ? {} : { ec });
}

export function notImplemented(what: string): OssError {
  return new OssError(501, 'NotImplemented', `The embedded cloud does not offer ${what}.`);
}
