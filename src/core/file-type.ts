import { isUtf8 } from 'node:buffer';
import path from 'node:path';

/** Maximum size of a file, and of all files of one run or message together, in bytes. */
export const MAX_FILE_BYTES = 10 * 1_048_576;

/** Maximum number of files of one run or message. */
export const MAX_FILES = 20;

/** The first bytes of each type, as Latin-1. A model refuses every later request of a conversation with another one. */
const SIGNATURES: Readonly<Record<string, RegExp>> = {
  'image/png': /^\x89PNG/,
  'image/jpeg': /^\xff\xd8\xff/,
  'image/gif': /^GIF8[79]a/,
  'image/webp': /^RIFF.{4}WEBP/s,
  'application/pdf': /^%PDF-/,
};

/** The media types of files that an agent can read, beside every text. */
const BINARY_TYPES: readonly string[] = Object.keys(SIGNATURES);

export const IMAGE_TYPES: readonly string[] = BINARY_TYPES.filter((type) => type.startsWith('image/'));

const TEXT_TYPE =
  /^(?:text\/[\w.+-]+|application\/(?:json|xml|yaml|javascript|x-ndjson|toml|sql|csv)|image\/svg\+xml)$/;

/**
 * Returns how a model reads a file of this type; null when it cannot. Parameters of the type, such as its character set, do
 * not matter: a text must be UTF-8.
 */
export function kindOf(mediaType: string): 'image' | 'document' | null {
  const type = withoutParameters(mediaType);
  if (IMAGE_TYPES.includes(type)) return 'image';
  return type === 'application/pdf' || TEXT_TYPE.test(type) ? 'document' : null;
}

export function withoutParameters(mediaType: string): string {
  return mediaType.split(';', 1)[0]!.trim().toLowerCase();
}

/** Returns why a file is refused, as the end of a sentence; null for a file that a model can read. */
export function refuseFile({ mediaType, content }: { mediaType: string; content: Uint8Array }): string | null {
  if (kindOf(mediaType) === null)
    return `must be a text, or one of ${BINARY_TYPES.join(', ')}; received ${mediaType === '' ? 'no media type' : mediaType}`;
  if (content.length === 0) return 'must not be empty';
  if (content.length > MAX_FILE_BYTES) return `must have at most ${MAX_FILE_BYTES} bytes; received ${content.length}`;
  const signature = SIGNATURES[withoutParameters(mediaType)];
  if (signature === undefined) {
    if (!isUtf8(content)) return 'must be text in UTF-8';
    // PostgreSQL stores it, and no model reads it.
    return content.includes(0) ? 'must be text, without the character U+0000' : null;
  }
  if (signature.test(Buffer.from(content.subarray(0, 16)).toString('latin1'))) return null;
  return `must be what its media type says, ${withoutParameters(mediaType)}`;
}

const TYPES_BY_ENDING: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  html: 'text/html',
  json: 'application/json',
  md: 'text/markdown',
  svg: 'image/svg+xml',
  xml: 'application/xml',
  yaml: 'application/yaml',
  yml: 'application/yaml',
};

/** Returns the media type of a file without one, by its first bytes, else by its name; a text by default. */
export function guessType(name: string, content: Uint8Array): string {
  const start = Buffer.from(content.subarray(0, 16)).toString('latin1');
  const [type] = Object.entries(SIGNATURES).find(([, signature]) => signature.test(start)) ?? [];
  return type ?? TYPES_BY_ENDING[path.extname(name).slice(1).toLowerCase()] ?? 'text/plain';
}
