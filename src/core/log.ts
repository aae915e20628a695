import { hostname } from 'node:os';
import { pino, type Logger as PinoLogger } from 'pino';
import { createLogDestination } from './log-destination.ts';
import { maskSecrets } from './mask-secrets.ts';

/** What the parts of Longhaul log to. Prompts and secrets never go here. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/**
 * A log of JSON lines on standard error: standard output belongs to what a command answers. What looks like a key is
 * masked, in whatever a provider or a tool may have said of itself.
 */
export function createLog(level: string): Logger {
  const hooks = { streamWrite: maskSecrets };
  return pino({ level, base: processFacts(), serializers: { err: toLoggedError }, hooks }, createLogDestination(2));
}

/** What stands on every line: which of several processes, whose lines may come together, has written it. */
export function processFacts() {
  return { pid: process.pid, host: hostname() };
}

/** `log`, with `facts` on every line. What a line says itself goes before them. */
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

/** Named fields only: a database's error also carries the row it was about, and with it a prompt. */
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
