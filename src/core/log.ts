import { hostname } from 'node:os';
import { pino, type Logger as PinoLogger } from 'pino';
import { createLogDestination } from './log-destination.ts';
import { maskSecrets } from './mask-secrets.ts';

/** The log of every part of Longhaul. Never log prompts or secrets. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/**
 * Creates a log of JSON lines on standard error; standard output is for the answer of a command. Text that looks like a
 * key is masked, because providers and tools may report one.
 */
export function createLog(level: string): Logger {
  const hooks = { streamWrite: maskSecrets };
  return pino({ level, base: processFacts(), serializers: { err: toLoggedError }, hooks }, createLogDestination(2));
}

/** Returns the fields of every line that identify its process, because lines of several processes may be merged. */
export function processFacts() {
  return { pid: process.pid, host: hostname() };
}

/** Returns `log` with `facts` on every line. The fields of a line take precedence. */
export function withFacts(log: Logger, facts: Readonly<Record<string, unknown>>): Logger {
  const at = (level: keyof Logger) => {
    const say = (first: unknown, ...rest: unknown[]) => {
      const write: (...args: unknown[]) => void = log[level];
      if (typeof first === 'object' && first !== null) write.call(log, { ...facts, ...first }, ...rest);
      else write.call(log, facts, first, ...rest);
    };
    return say as Logger['info'];
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), fatal: at('fatal') };
}

/** Named fields only: a database error also contains the row, and with it a prompt. */
function toLoggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const cause = error.cause === undefined ? {} : { cause: toLoggedError(error.cause) };
  return {
    type: error.name,
    message: error.message,
    ...(code !== undefined && { code }),
    stack: error.stack,
    ...cause,
  };
}
