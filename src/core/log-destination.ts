import { writeSync } from 'node:fs';

/** Number and length of the waits for a reader that reads nothing: half a second in total, once. */
const TRIES = 50;
const PAUSE_MS = 10;

/**
 * Writes lines to a file descriptor, synchronously. Lines that cannot be written, because the disk is full or the
 * reader is gone, are lost: a process does not end because of its log. The next line that can be written is preceded by
 * the number of lost lines.
 */
export function createLogDestination(fd: number): { write(line: string): void } {
  let lost = 0;
  return {
    write(line) {
      if (lost > 0 && tryToWrite(fd, toNotice(lost), 1)) lost = 0;
      if (lost > 0 || !tryToWrite(fd, line, TRIES)) lost += 1;
    },
  };
}

function toNotice(lines: number): string {
  return `${JSON.stringify({ level: 40, time: Date.now(), lines, msg: 'Log lines were lost because they could not be written.' })}\n`;
}

/** Returns whether all of the line was written. */
function tryToWrite(fd: number, line: string, most: number): boolean {
  const bytes = Buffer.from(line);
  let written = 0;
  for (let tries = 0; tries < most; tries++) {
    try {
      written += writeSync(fd, bytes, written);
      if (written === bytes.length) return true;
    } catch (error) {
      // A non-blocking pipe whose reader is behind.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
  return false;
}
