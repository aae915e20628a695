import { atMostEvery } from '../core/at-most-every.ts';
import { guarded } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';

/** The last net under this process. */
export interface Uncaught {
  /** Resolves with the first error that nobody has caught. */
  readonly first: Promise<void>;
  dispose(): void;
}

/**
 * Takes the errors that nobody has caught, for which Node would end the process at once, with every run in it. What they
 * have left undone nobody knows: who hears of the first is to let the runs finish, and leave. Warnings of Node's go to
 * the log as well, for they would be plain text between its lines.
 */
export function listenForUncaught(log: Pick<Logger, 'fatal' | 'warn'>): Uncaught {
  const first = Promise.withResolvers<void>();
  const say = atMostEvery(1_000, (err: unknown, origin: string) =>
    log.fatal(
      { err, origin },
      'nobody has caught an error: this process finishes its runs and leaves, to be started again',
    ),
  );
  const onUncaught = guarded((error: unknown, origin: string) => {
    first.resolve();
    say(error, origin);
  });
  const onWarning = guarded((err: Error) => log.warn({ err }, `a warning of this process: ${err.message}`));
  // For good: Node's own listener prints them.
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
