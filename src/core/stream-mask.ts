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

/** Text that was passed on and is still looked at, for a key that is told by what stands before it. */
const CONTEXT = 256;

/**
 * Makes a mask that answers, put together, what `maskSecrets` makes of the whole text. Words pass once they have
 * ended: a key that is cut in two is masked all the same. A private key is held until its last line.
 */
export function createStreamMask(): StreamMask {
  let context = '';
  let held = '';

  /** Passes on the first `length` characters of what is held, or fewer where a key would be cut. */
  function pass(length: number): string {
    if (length === 0) return '';
    const text = context + held;
    const found = findSecrets(text);
    let end = context.length + length;
    const across = found.find((secret) => secret.start < end && secret.end > end);
    if (across !== undefined) {
      // One that is too long to hold, or of which a part has gone already, is passed on as far as it goes.
      const isHeld = across.start >= context.length && text.length - across.start <= LONGEST_PEM;
      end = isHeld ? across.start : across.end;
    }
    const masked = replaceSecrets(text, { found, from: context.length, to: end });
    held = text.slice(end);
    context = text.slice(Math.max(0, end - CONTEXT), end);
    return masked;
  }

  return {
    push(piece) {
      held += piece;
      return pass(findSafeLength(held));
    },
    end() {
      const rest = pass(held.length);
      context = '';
      return rest;
    },
  };
}

/** How much of `held` no key can begin in that has not ended. */
function findSafeLength(held: string): number {
  const pem = findOpenPem(held);
  if (pem !== null && held.length - pem <= LONGEST_PEM) return pem;
  const word = findLastWord(held);
  return held.length - word <= LONGEST_HELD ? word : held.length - KEPT_OF_LONG;
}

/** Where the word begins that `text` ends in. From the end: a search from the front takes its time over long words. */
function findLastWord(text: string): number {
  let index = text.length;
  while (index > 0 && !isSpace(text.charCodeAt(index - 1))) index--;
  return index;
}

function isSpace(code: number): boolean {
  return code < 0x80 ? code === 0x20 || (code >= 0x09 && code <= 0x0d) : /\s/.test(String.fromCharCode(code));
}

const PEM_HEADER = /-----BEGIN (?:[A-Z ]{0,30}(?:-{0,4}$|-----))/g;

/** A line of a private key: base64, or one of the headers that may stand before it. */
const PEM_LINE = /^\s*(?:[A-Za-z0-9+/=]*|[A-Za-z-]{1,20}: .*)[\\\r]*$/;

/** The same, not whole yet, or the line that ends the key. */
const PEM_LAST_LINE = /^\s*(?:[A-Za-z0-9+/=]*|[A-Za-z-]{1,20}(?::.*)?|-{1,5}[A-Z -]*)[\\\r]*$/;

/** Where a private key begins whose last line has not come yet, or null. */
function findOpenPem(held: string): number | null {
  if (!held.includes('-----BEGIN')) return null;
  for (const header of held.matchAll(PEM_HEADER)) {
    const lines = held.slice(header.index + header[0].length).split(/\n|\\+[nr]/);
    const last = lines.pop() ?? '';
    const isOpen = lines.every((line) => PEM_LINE.test(line)) && PEM_LAST_LINE.test(last);
    if (isOpen && !/-----END [A-Z ]*-----/.test(last)) return header.index;
  }
  return null;
}
