import { writeSync } from 'node:fs';

/** How often, and how long each time, a reader that takes nothing is waited for: half a second in all, once. */
const TRIES = 50;
const PAUSE_MS = 10;

/**
 * Writes lines to a file descriptor, each before it returns. What cannot be written, since the disk is full or the reader
 * has gone, is lost: a process does not end because of its log. How many lines were lost is said with the first that goes
 * through again.
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
  return `${JSON.stringify({ level: 40, time: Date.now(), lines, msg: 'lines of this log were lost: they could not be written' })}\n`;
}

/** Whether all of it was written. */
function tryToWrite(fd: number, line: string, most: number): boolean {
  const bytes = Buffer.from(line);
  let written = 0;
  for (let tries = 0; tries < most; tries++) {
    try {
      written += writeSync(fd, bytes, written);
      if (written === bytes.length) return true;
    } catch (error) {
      // A pipe whose reader is behind, of a kind that does not wait for it.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
  return false;
}
