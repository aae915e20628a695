import { pino, type Logger as PinoLogger } from 'pino';

/** What the parts of Longhaul log to. Prompts and secrets never go here. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** A log of JSON lines on standard error: standard output belongs to what a command answers. */
export function createLog(level: string): Logger {
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
}
