import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** An answer over HTTP whose body is as its sender wrote it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** More than one is hardly ever used; each holds a window of its own in memory. */
const MAX_ENCODINGS = 2;

/**
 * Undoes the compression of an answer, chunk by chunk. We ask for none, and what stands between may add one all the same;
 * whoever reads answers, the meter and the judge of errors among them, would take it for noise.
 * @throws {Error} with a code, when it is in an encoding that nobody here knows.
 */
export function decodeAnswer(answer: IncomingMessage): HttpAnswer {
  const status = answer.statusCode ?? 0;
  const { 'content-encoding': encoded = '', 'content-length': length, ...headers } = answer.headers;
  const encodings = encoded
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  if (encodings.length === 0) {
    return { status, headers: { ...headers, ...(length !== undefined && { 'content-length': length }) }, body: answer };
  }
  const decoders = encodings.map((name) => (Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined)).reverse();
  if (decoders.length > MAX_ENCODINGS || decoders.includes(undefined)) {
    answer.destroy();
    throw Object.assign(new Error(`The answer is in an unknown encoding: ${encoded.slice(0, 100)}.`), {
      code: 'ERR_CONTENT_ENCODING',
    });
  }
  let body: Readable = answer;
  for (const create of decoders) {
    // An error, such as an answer that ends too early, reaches whoever reads the body.
    body = pipeline(body, create!(), () => undefined);
  }
  return { status, headers, body };
}
