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
  return pino({ level, base: null, serializers: { err: toLoggedError }, hooks }, createLogDestination(2));
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
