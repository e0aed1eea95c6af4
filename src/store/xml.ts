import { parseStringPromise } from 'xml2js/lib/parser.js';

/** As ali-oss parses it; undefined for what is no XML document. */
export async function parseXml(text: string): Promise<unknown> {
  try {
    const document = await parseStringPromise(text, { explicitRoot: false, explicitArray: false });
    return typeof document === 'object' && document !== null ? document : undefined;
  } catch {
    return undefined;
  }
}
