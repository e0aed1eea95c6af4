// The parser of ali-oss alone: the package around it also loads what builds documents.
declare module 'xml2js/lib/parser.js' {
  export function parseStringPromise(text: string, options: { readonly explicitRoot: boolean; readonly explicitArray: boolean }): Promise<unknown>;
}
