import type { Logger } from './log.ts';

interface Line {
  readonly level: string;
  readonly text: string;
  readonly [field: string]: unknown;
}

/** Returns a log that keeps its lines in memory. */
export function collectLog() {
  const lines: Line[] = [];
  const write = (level: string) => (fields: Record<string, unknown>, text?: string) =>
    void lines.push({ level, text: text ?? '', ...fields });
  const log = Object.fromEntries(['debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, write(level)]));
  return { log: log as unknown as Logger, lines };
}
