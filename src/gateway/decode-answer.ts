import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** An HTTP answer with its body as the sender wrote it, without compression. */
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

/** More than one encoding is hardly ever used; each needs its own window in memory. */
const MAX_ENCODINGS = 2;

/**
 * Decompresses an answer, chunk by chunk. We do not request compression, but a proxy on the way may add it, and the
 * readers of answers, including the meter and the error handling, need plain text.
 * @throws {Error} with a code, when the encoding is unknown.
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
    // The reader of the body receives an error, such as an answer that ends too early.
    body = pipeline(body, create!(), () => undefined);
  }
  return { status, headers, body };
}
