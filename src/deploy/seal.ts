import { createHash } from 'node:crypto';

// The last line of a file is a checksum of the others, so that a file that somebody has changed is recognized.

const MARK = '# Checksum of longhaul deploy: ';

/** Returns the content of a file with its checksum at the end. */
export function seal(content: string): string {
  return `${content}${MARK}${checksum(content)}\n`;
}

/** Returns whether a text is what `seal` returned, for any content. */
export function isSealed(text: string): boolean {
  const at = text.lastIndexOf(MARK);
  return at !== -1 && seal(text.slice(0, at)) === text;
}

function checksum(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}
