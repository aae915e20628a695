const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Characters that terminals draw two columns wide: East Asian wide and full-width characters, and emoji. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

/** Returns the number of columns that a line of text takes on a terminal. */
export function displayWidth(line: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(line)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** Returns as much of `line` as fits into `columns`, with an ellipsis when something was cut. */
export function fitInto(line: string, columns: number): string {
  let width = 0;
  let fitting = 0;
  for (const { segment, index } of graphemes.segment(line)) {
    width += WIDE.test(segment) ? 2 : 1;
    if (width > columns) return `${line.slice(0, fitting)}…`;
    // Text before the last column remains when the ellipsis has to take that column.
    if (width <= columns - 1) fitting = index + segment.length;
  }
  return line;
}
