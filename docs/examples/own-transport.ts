/** The format without our transport: seal and open buffers, and keep body and metadata wherever you like. */
import { createPrivateKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { openBuffer, parseEnvelope, rsaKey, rsaUnwrapper, rsaWrapper, sealBuffer, type Metadata } from 'sealift/format';
import { keyFile } from './environment.js';

const key = rsaKey(createPrivateKey(await readFile(keyFile)));

// Sealing needs the public key alone, and the name: it is authenticated with the content.
const sealed = await sealBuffer(Buffer.from('carried by somebody else'), { name: 'notes/1.txt', wrapper: rsaWrapper(key, 'oss-crypto') });
await send('notes-1', sealed);

const received = await receive('notes-1');
const envelope = parseEnvelope(received.metadata, received.body.length);
console.log(envelope?.family, envelope?.authentication?.name);

const opened = await openBuffer(received, { name: 'notes/1.txt', unwrappers: [rsaUnwrapper(key)] });
console.log(opened.content.toString(), opened.authenticated);

/** With OSS the metadata would be the headers of PutObject; here it goes into a file beside the body. */
async function send(file: string, object: { readonly body: Buffer; readonly metadata: Metadata }): Promise<void> {
  await writeFile(`${file}.body`, object.body);
  await writeFile(`${file}.json`, JSON.stringify(object.metadata));
}

async function receive(file: string): Promise<{ body: Buffer; metadata: Metadata }> {
  return { body: await readFile(`${file}.body`), metadata: JSON.parse(await readFile(`${file}.json`, 'utf8')) as Metadata };
}
