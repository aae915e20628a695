import { findSecrets } from './find-secrets.ts';
import { replaceSecrets } from './mask-secrets.ts';

/** A mask for text that comes in pieces, for one stream of it. */
export interface StreamMask {
  /** Takes the next piece; returns what can be passed on by now, masked. May be empty. */
  push(text: string): string;
  /** Returns the rest, masked. The mask can be used for another text then. */
  end(): string;
}

/** Characters of a word without end, such as an image's, that are held back at most. */
const LONGEST_HELD = 4_096;

/** How many of these stay held: a key that has begun there is still seen whole. */
const KEPT_OF_LONG = 2_048;

/** A private key longer than this is passed on unfinished: as much of it as has come is masked. */
const LONGEST_PEM = 16_384;

/** Characters of a key's first line, at most: `PEM_HEADER`. */
const LONGEST_PEM_HEADER = 46;

/** Text that was passed on and is still looked at, for a key that is told by what stands before it. */
const CONTEXT = 256;

/**
 * Makes a mask whose answers, put together, are what `maskSecrets` makes of the whole text. A word passes once it has
 * ended, so a key that is cut in two is masked all the same. A private key is held until its last line. The time a piece
 * takes depends on its length alone, whatever came before it.
 */
export function createStreamMask(): StreamMask {
  let context = '';
  let held = '';
  /** Where the word begins that `held` ends in. */
  let wordStart = 0;
  /** How long that word may become before its beginning is passed on. */
  let longestHeld = LONGEST_HELD;
  let pem = createPemWatch();

  /** Passes on the first `length` characters of what is held, or fewer where a key would be cut. */
  function pass(length: number): string {
    if (length === 0) return '';
    const text = context + held;
    const found = findSecrets(text);
    let end = context.length + length;
    const across = found.find((secret) => secret.start < end && secret.end > end);
    if (across !== undefined) {
      // A key that is too long to hold, or of which a part has gone already, is passed on as far as it goes.
      const isHeld = across.start >= context.length && text.length - across.start <= LONGEST_PEM;
      end = isHeld ? across.start : across.end;
    }
    const masked = replaceSecrets(text, { found, from: context.length, to: end });
    const passed = end - context.length;
    // A key that is still growing is not read again for each of its characters.
    longestHeld = passed > 0 ? LONGEST_HELD : longestHeld + KEPT_OF_LONG;
    wordStart = Math.max(0, wordStart - passed);
    pem.drop(passed);
    held = text.slice(end);
    context = text.slice(Math.max(0, end - CONTEXT), end);
    return masked;
  }

  /** How much of `held` is safe to pass on: no key can begin in it that has not ended. */
  function findSafeLength(): number {
    const begin = pem.findOpen(held);
    if (begin !== null && held.length - begin <= LONGEST_PEM) return begin;
    return held.length - wordStart <= longestHeld ? wordStart : held.length - KEPT_OF_LONG;
  }

  return {
    push(piece) {
      const whole = lengthOfWholeWords(piece);
      if (whole > 0) wordStart = held.length + whole;
      held += piece;
      return pass(findSafeLength());
    },
    end() {
      const rest = pass(held.length);
      context = '';
      pem = createPemWatch();
      return rest;
    },
  };
}

/** How much of `text` is whole words: its length up to its last white space, and with it. */
function lengthOfWholeWords(text: string): number {
  let length = text.length;
  while (length > 0 && !isSpace(text.charCodeAt(length - 1))) length--;
  return length;
}

/** As `\s` has it; it is asked once for each character of a long word. */
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

/** Follows a private key through text that grows at its end, and reads each of its lines once. */
interface PemWatch {
  /** Where in `held` a private key begins whose last line has not come yet, or null. */
  findOpen(held: string): number | null;
  /** The first `length` characters are gone from what is held. */
  drop(length: number): void;
}

const PEM_HEADER = /-----BEGIN (?:[A-Z ]{0,30}(?:-{0,4}$|-----))/g;

/** A line break, also one that is spelled out. */
const LINE_BREAK = /\n|(?<!\\)\\{1,8}[nr]/g;

/** A line of a private key: base64, or one of the headers that may stand before it. */
const PEM_LINE = /^\s*(?:[A-Za-z0-9+/=]*|[A-Za-z-]{1,20}: .*)[\\\r]*$/;

/** The same, not whole yet, or the line that ends the key. */
const PEM_LAST_LINE = /^\s*(?:[A-Za-z0-9+/=]*|[A-Za-z-]{1,20}(?::.*)?|-{1,5}[A-Z -]*)[\\\r]*$/;

const PEM_END = /-----END [A-Z ]*-----/;

/** A longer line is none of a private key's. */
const LONGEST_PEM_LINE = 4_096;

function createPemWatch(): PemWatch {
  /** No key is open that begins before it. */
  let searchFrom = 0;
  let open: { begin: number; lineStart: number } | null = null;

  /** Whether what has come of the open key's lines can be a key's, and its last line has not come. */
  function isStillOpen(key: { lineStart: number }, held: string): boolean {
    LINE_BREAK.lastIndex = key.lineStart;
    for (let lineBreak = LINE_BREAK.exec(held); lineBreak !== null; lineBreak = LINE_BREAK.exec(held)) {
      const line = held.slice(key.lineStart, lineBreak.index);
      if (line.length > LONGEST_PEM_LINE || !PEM_LINE.test(line)) return false;
      key.lineStart = LINE_BREAK.lastIndex;
    }
    const last = held.slice(key.lineStart);
    return last.length <= LONGEST_PEM_LINE && PEM_LAST_LINE.test(last) && !PEM_END.test(last);
  }

  return {
    findOpen(held) {
      for (;;) {
        if (open === null) {
          PEM_HEADER.lastIndex = searchFrom;
          const header = PEM_HEADER.exec(held);
          if (header === null) {
            searchFrom = Math.max(searchFrom, held.length - LONGEST_PEM_HEADER);
            return null;
          }
          // The rest of a first line that is not whole may still turn out to be another text's.
          if (!header[0].endsWith('-----')) return header.index;
          open = { begin: header.index, lineStart: PEM_HEADER.lastIndex };
        }
        if (isStillOpen(open, held)) return open.begin;
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
