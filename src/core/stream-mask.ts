import { findSecrets } from './find-secrets.ts';
import { replaceSecrets } from './mask-secrets.ts';

/** A mask for a stream of text that arrives in pieces. */
export interface StreamMask {
  /** Takes the next piece; returns the text that can be passed on so far, masked. May be empty. */
  push(text: string): string;
  /** Returns the rest, masked. Afterwards the mask can be used for another text. */
  end(): string;
}

/** Maximum number of characters of an endless word, such as an image's, that are held back. */
const LONGEST_PENDING = 4_096;

/** Number of these characters that stay held back, so that a key that begins there is still seen whole. */
const KEPT_OF_LONG = 2_048;

/** Maximum length of a private key to hold back. Of a longer one, the part that has arrived is masked and passed on. */
const LONGEST_PEM = 16_384;

/** Maximum length of a key's first line: `PEM_HEADER`. */
const LONGEST_PEM_HEADER = 46;

/** Length of the passed-on text that is still searched, for a key that is identified by the text before it. */
const CONTEXT = 256;

/**
 * Creates a mask whose results, put together, equal `maskSecrets` of the whole text. A word is passed on once it has
 * ended, so a key that is cut in two is still masked. A private key is held back until its last line. The time for a
 * piece depends on its length alone, not on the text before it.
 */
export function createStreamMask(): StreamMask {
  let context = '';
  let pending = '';
  /** Start of the word that `pending` ends in. */
  let wordStart = 0;
  /** Length of that word above which its beginning is passed on. */
  let longestPending = LONGEST_PENDING;
  let pem = createPemWatch();

  /** Passes on the first `length` characters of `pending`, or fewer if a key would be cut. */
  function pass(length: number): string {
    if (length === 0) return '';
    const text = context + pending;
    const found = findSecrets(text);
    let end = context.length + length;
    const across = found.find((secret) => secret.start < end && secret.end > end);
    if (across !== undefined) {
      // A key that is too long to hold back, or that has partly been passed on, is passed on as far as it goes.
      const isKeptBack = across.start >= context.length && text.length - across.start <= LONGEST_PEM;
      end = isKeptBack ? across.start : across.end;
    }
    const masked = replaceSecrets(text, { found, from: context.length, to: end });
    const passed = end - context.length;
    // Avoids reading a growing key again for each of its characters.
    longestPending = passed > 0 ? LONGEST_PENDING : longestPending + KEPT_OF_LONG;
    wordStart = Math.max(0, wordStart - passed);
    pem.drop(passed);
    pending = text.slice(end);
    context = text.slice(Math.max(0, end - CONTEXT), end);
    return masked;
  }

  /** Returns how much of `pending` is safe to pass on: every key that begins in it also ends in it. */
  function findSafeLength(): number {
    const begin = pem.findOpen(pending);
    if (begin !== null && pending.length - begin <= LONGEST_PEM) return begin;
    return pending.length - wordStart <= longestPending ? wordStart : pending.length - KEPT_OF_LONG;
  }

  return {
    push(piece) {
      const whole = lengthOfWholeWords(piece);
      if (whole > 0) wordStart = pending.length + whole;
      pending += piece;
      return pass(findSafeLength());
    },
    end() {
      const rest = pass(pending.length);
      context = '';
      pem = createPemWatch();
      return rest;
    },
  };
}

/** Returns the length of the whole words in `text`: up to and including its last white space. */
function lengthOfWholeWords(text: string): number {
  let length = text.length;
  while (length > 0 && !isSpace(text.charCodeAt(length - 1))) length--;
  return length;
}

/** Matches the same characters as `\s`; called once for each character of a long word. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || (code >= 0x80 && OTHER_SPACES.has(code));
}

/** The white space of Unicode beyond ASCII. */
const OTHER_SPACES: ReadonlySet<number> = new Set(
  Array.from(
    '\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff',
    (space) => space.charCodeAt(0),
  ),
);

/** Follows a private key through growing text, and reads each of its lines once. */
interface PemWatch {
  /** Returns where in `pending` a private key begins whose last line is still missing, or null. */
  findOpen(pending: string): number | null;
  /** Tells the watch that the first `length` characters of the pending text are gone. */
  drop(length: number): void;
}

const PEM_HEADER = /-----BEGIN (?:[A-Z ]{0,30}(?:-{0,4}$|-----))/g;

/** A line break, also an escaped one. */
const LINE_BREAK = /\n|(?<!\\)\\{1,8}[nr]/g;

/** A line of a private key without its margins: base64, or a header before it. */
const PEM_LINE = /^(?:[A-Za-z0-9+/=]*|[A-Za-z-]{1,20}: .*)$/;

/** The last line so far: an incomplete `PEM_LINE`, or the line that ends the key. */
const PEM_LAST_LINE = /^(?:[A-Za-z0-9+/=]*|[A-Za-z-]{1,20}(?::.*)?|-{1,5}[A-Z -]*)$/;

const PEM_END = /-----END [A-Z ]*-----/;

/** A longer line cannot belong to a private key. */
const LONGEST_PEM_LINE = 4_096;

/**
 * Returns a line without the white space before it, and without the backslashes and carriage returns of an escaped line
 * break after it. A pattern that matched them too would try each of its ends, in quadratic time.
 */
function withoutMargins(line: string): string {
  let end = line.length;
  while (end > 0 && isOfLineBreak(line.charCodeAt(end - 1))) end--;
  return line.slice(0, end).trimStart();
}

function isOfLineBreak(code: number): boolean {
  return code === 0x0d || code === 0x5c;
}

function createPemWatch(): PemWatch {
  /** Every open key begins at or after this position. */
  let searchFrom = 0;
  let open: { begin: number; lineStart: number } | null = null;

  /** Returns whether the lines so far can belong to a key, and its last line is still missing. */
  function isStillOpen(key: { lineStart: number }, pending: string): boolean {
    LINE_BREAK.lastIndex = key.lineStart;
    for (let lineBreak = LINE_BREAK.exec(pending); lineBreak !== null; lineBreak = LINE_BREAK.exec(pending)) {
      const line = pending.slice(key.lineStart, lineBreak.index);
      if (line.length > LONGEST_PEM_LINE || !PEM_LINE.test(withoutMargins(line))) return false;
      key.lineStart = LINE_BREAK.lastIndex;
    }
    const last = pending.slice(key.lineStart);
    return last.length <= LONGEST_PEM_LINE && PEM_LAST_LINE.test(withoutMargins(last)) && !PEM_END.test(last);
  }

  return {
    findOpen(pending) {
      for (;;) {
        if (open === null) {
          PEM_HEADER.lastIndex = searchFrom;
          const header = PEM_HEADER.exec(pending);
          if (header === null) {
            searchFrom = Math.max(searchFrom, pending.length - LONGEST_PEM_HEADER);
            return null;
          }
          // An incomplete first line may still turn out to be other text.
          if (!header[0].endsWith('-----')) return header.index;
          open = { begin: header.index, lineStart: PEM_HEADER.lastIndex };
        }
        if (isStillOpen(open, pending)) return open.begin;
        searchFrom = open.begin + 1;
        open = null;
      }
    },
    drop(length) {
      searchFrom = Math.max(0, searchFrom - length);
      if (open !== null && open.begin < length) open = null;
      else if (open !== null) open = { begin: open.begin - length, lineStart: open.lineStart - length };
    },
  };
}
