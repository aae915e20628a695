import { z } from 'zod';
import type { FieldError } from '../core/errors.ts';
import { secret } from './secret-value.ts';

/** Headers that the connection, or the sender, sets itself. */
const NOT_OURS = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const nameSchema = z
  .string('must be the name of a header')
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'must be the name of a header');

/** Headers by name. A value is a text, or the name of the variable that contains it. */
export const headersSchema = z.record(
  nameSchema,
  secret(z.string(), 'must be a text'),
  'must be an object of texts by the name of a header',
);

/**
 * Returns headers by names in lower case, as they are sent, and their faults. `isSigned`: requests are signed with a
 * cloud's credentials.
 */
export function checkHeaders(
  headers: readonly (readonly [name: string, value: string])[],
  { isSigned }: { isSigned: boolean },
): { value: Readonly<Record<string, string>>; errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (!nameSchema.safeParse(name).success) errors.push({ path: name, message: 'is not the name of a header' });
    else if (NOT_OURS.has(lower)) errors.push({ path: name, message: 'is set by the connection itself; leave it out' });
    else if (isSigned && (lower === 'authorization' || lower.startsWith('x-amz-'))) {
      errors.push({ path: name, message: 'contains the cloud credentials; leave it out' });
    } else if (!VALUE.test(value)) {
      errors.push({ path: name, message: 'must be one line of printable latin1 characters' });
    }
  }
  return { value: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value.trim()])), errors };
}

/**
 * Parses the headers of a text like `ANTHROPIC_CUSTOM_HEADERS`: lines of `Name: value`. Returns null when a line has
 * another form; the error does not show the line, because it may contain a secret.
 */
export function parseHeaderLines(text: string): readonly (readonly [string, string])[] | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const headers = lines.map((line) => /^\s*([^:\s]+)\s*:(.*)$/.exec(line)).map((found) => found?.slice(1, 3));
  return headers.includes(undefined) ? null : (headers as [string, string][]);
}
