/** Joins pieces of texts so that none ends in the middle of a character. */
export interface WholeCharacters {
  /** Returns the next piece of the text at `place`, with what was kept back of the piece before. May be empty. */
  take(place: string, piece: string): string;
}

/**
 * Creates the joiner. A character outside the basic plane, such as an emoji, is a pair of code units, and a stream may
 * split the pair. Neither half can be stored alone, so the first waits for the second. A text that ends with a first
 * half loses it.
 */
export function createWholeCharacters(): WholeCharacters {
  let heldAt = '';
  let held = '';
  return {
    take(place, piece) {
      const text = place === heldAt ? held + piece : piece;
      const isCut = /[\uD800-\uDBFF]$/.test(text);
      heldAt = place;
      held = isCut ? text.slice(-1) : '';
      return isCut ? text.slice(0, -1) : text;
    },
  };
}
