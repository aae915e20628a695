import { guarded } from '../core/guard.ts';

/** The stop signals that a process has received, one promise each. */
export interface StopSignals {
  /** Resolves at the first signal. */
  readonly first: Promise<NodeJS.Signals>;
  /** Resolves at the second signal. Afterwards the signals have their default effect: a third ends the process. */
  readonly second: Promise<NodeJS.Signals>;
  /** Restores the previous handling of the signals. */
  dispose(): void;
}

/**
 * Handles the signals that ask a process to stop. SIGHUP is excluded unless named: `nohup` sets it to be ignored, and a
 * handler would undo that.
 */
export function listenForStop(signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']): StopSignals {
  const first = Promise.withResolvers<NodeJS.Signals>();
  const second = Promise.withResolvers<NodeJS.Signals>();
  let count = 0;
  const onSignal = guarded((signal: NodeJS.Signals) => {
    count += 1;
    if (count === 1) return first.resolve(signal);
    dispose();
    second.resolve(signal);
  });
  const dispose = () => signals.forEach((signal) => process.off(signal, onSignal));
  signals.forEach((signal) => process.on(signal, onSignal));
  return { first: first.promise, second: second.promise, dispose };
}
