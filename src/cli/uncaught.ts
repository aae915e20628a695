import { atMostEvery } from '../core/at-most-every.ts';
import { guarded } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';

/** The last handler of errors in this process. */
export interface Uncaught {
  /** Resolves at the first uncaught error. */
  readonly first: Promise<void>;
  dispose(): void;
}

/**
 * Handles uncaught errors, for which Node would end the process immediately, with every run in it. It is unknown which
 * work the error left undone: after the first one the process should let its runs finish, and end. Node's warnings also
 * go to the log, because they would be plain text between its lines.
 */
export function listenForUncaught(log: Pick<Logger, 'fatal' | 'warn'>): Uncaught {
  const first = Promise.withResolvers<void>();
  const say = atMostEvery(1_000, (err: unknown, origin: string) =>
    log.fatal({ err, origin }, 'An error was not caught: this process finishes its runs and ends, to be started again'),
  );
  const onUncaught = guarded((error: unknown, origin: string) => {
    first.resolve();
    say(error, origin);
  });
  const onWarning = guarded((err: Error) => log.warn({ err }, `Node emitted a warning: ${err.message}`));
  // Permanently: Node's own listener prints the warnings.
  process.removeAllListeners('warning');
  process.on('warning', onWarning);
  process.on('uncaughtException', onUncaught);
  return {
    first: first.promise,
    dispose() {
      process.off('uncaughtException', onUncaught);
    },
  };
}
