/**
 * The place of a private key in a text: from the first character of its first line to the last character of its last
 * line.
 */
export interface FoundPrivateKey {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds the private keys of a text, in order: RFC 7468, OpenSSH and PGP. It also finds a key whose end is missing (as
 * in the output of `head`), an encrypted key, and a key whose line breaks have become spaces.
 *
 * Its time is linear in the length of the text. It reads a key once, from its first line onwards, and gives up on a
 * first line without a key after `LONGEST_HEADERS` characters. A single pattern with optional headers between optional
 * line breaks took exponential time over hostile text.
 */
export function findPrivateKeys(text: string): FoundPrivateKey[] {
  if (!text.includes(FIRST_WORDS)) return [];
  const found: FoundPrivateKey[] = [];
  let position = 0;
  for (;;) {
    FIRST_LINE.lastIndex = position;
    const begin = FIRST_LINE.exec(text);
    if (begin === null) return found;
    const body = findBody(text, FIRST_LINE.lastIndex);
    position = body === null ? FIRST_LINE.lastIndex : readBody(text, body);
    if (body !== null) found.push({ start: begin.index, end: position });
  }
}

const FIRST_WORDS = '-----BEGIN ';
const FIRST_LINE = /-----BEGIN (?:[A-Z]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----/g;

/** More than the headers of any key have: RFC 1421 and RFC 9580 name a handful, each of one line. */
const LONGEST_HEADERS = 2_000;

const FIRST_BODY_LINE = /\s{1,18}[A-Za-z0-9+/=]{32}/y;
const HEADER = /\s{0,18}[A-Za-z-]{1,20}: /y;
const BODY_AFTER_HEADERS = /\s[A-Za-z0-9+/=]{32}/;
const HEADER_LINE = /^\s*(?:[A-Za-z-]{1,20}: .*)?$/;

/** Finds the start of the body of a key whose first line ends at `from`, or null if no key follows. */
function findBody(text: string, from: number): number | null {
  if (endOf(FIRST_BODY_LINE, text, from) !== null) return from;
  if (endOf(HEADER, text, from) === null) return null;
  const headers = text.slice(from, from + LONGEST_HEADERS);
  const body = headers.search(BODY_AFTER_HEADERS);
  const areHeaders =
    body >= 0 &&
    headers
      .slice(0, body)
      .split('\n')
      .every((line) => HEADER_LINE.test(line));
  return areHeaders ? from + body : null;
}

const BODY_LINE = /\s{1,18}[A-Za-z0-9+/=]{16,}/y;
/** Possibly shorter than a word of prose, so it has to stand at the end of its line. */
const LAST_BODY_LINE = /\s{1,18}[A-Za-z0-9+/=]{1,80}(?=\s{0,18}(?:-----|\n|$))/y;
const PGP_CHECKSUM = /\s{1,18}=[A-Za-z0-9+/]{4}/y;
const LAST_LINE = /\s{0,18}-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----/y;

/** Reads the body that begins at `from` as far as possible; returns the end of the key. */
function readBody(text: string, from: number): number {
  let position = from;
  for (let end: number | null = from; end !== null; end = endOf(BODY_LINE, text, position)) position = end;
  for (const part of [LAST_BODY_LINE, PGP_CHECKSUM, LAST_LINE]) position = endOf(part, text, position) ?? position;
  return position;
}

/** Returns the end of a sticky pattern's match at `position`, or null. */
function endOf(pattern: RegExp, text: string, position: number): number | null {
  pattern.lastIndex = position;
  return pattern.test(text) ? pattern.lastIndex : null;
}
