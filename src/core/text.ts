/**
 * What is wrong with `text` as data to store and return exactly as given, or null when nothing is.
 * Two things cannot be: NUL, which PostgreSQL's `text` does not hold, and a lone surrogate, which UTF-8 does not.
 */
export function findUnstorable(text: string): 'NUL character' | 'lone surrogate' | null {
  if (text.includes('\0')) return 'NUL character';
  return text.isWellFormed() ? null : 'lone surrogate';
}

/** `text` with what cannot be stored replaced by U+FFFD: for what a model or tool produced, which is never refused. */
export function toStorable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** The last `length` characters of `text`, less one where that would cut a character of two code units. */
export function tail(text: string, length: number): string {
  if (text.length <= length) return text;
  const start = text.length - length;
  return text.slice(isLowSurrogate(text, start) ? start + 1 : start);
}

/** The first `length` characters of `text`, ending in an ellipsis when something was cut. */
export function head(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = length - 1;
  return `${text.slice(0, isLowSurrogate(text, end) ? end - 1 : end)}…`;
}

/** `text` in pieces of at most `length` characters, one at least, without cutting a character of two code units. */
export function splitText(text: string, length: number): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (text.length - start > length) {
    const end = start + length - (isLowSurrogate(text, start + length) ? 1 : 0);
    pieces.push(text.slice(start, end));
    start = end;
  }
  return [...pieces, text.slice(start)];
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** How many characters (Unicode code points) `text` has: an emoji outside the basic plane is one. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
