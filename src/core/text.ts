/**
 * Returns the fault that keeps `text` from being stored and returned unchanged, or null. There are two: NUL, which
 * PostgreSQL's `text` cannot store, and a lone surrogate, which UTF-8 cannot encode.
 */
export function findUnstorable(text: string): 'NUL character' | 'lone surrogate' | null {
  if (text.includes('\0')) return 'NUL character';
  return text.isWellFormed() ? null : 'lone surrogate';
}

/**
 * Returns `text` with unstorable characters replaced by U+FFFD: for the output of a model or tool, which is never
 * rejected.
 */
export function toStorable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** Returns the last `length` characters of `text`, or one fewer if that would cut a character of two code units. */
export function tail(text: string, length: number): string {
  if (text.length <= length) return text;
  const start = text.length - length;
  return text.slice(isLowSurrogate(text, start) ? start + 1 : start);
}

/** Returns the first `length` characters of `text`, ending in an ellipsis when something was cut. */
export function head(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = length - 1;
  return `${text.slice(0, isLowSurrogate(text, end) ? end - 1 : end)}…`;
}

/**
 * Splits `text` into one or more pieces of at most `length` characters, without cutting a character of two code units.
 */
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

/** Returns the number of characters (Unicode code points) of `text`: an emoji outside the basic plane counts as one. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
