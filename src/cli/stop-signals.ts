import { guarded } from '../core/guard.ts';

/** The requests to stop that a process has got, one promise each. */
export interface StopSignals {
  /** Resolves at the first signal. */
  readonly first: Promise<NodeJS.Signals>;
  /** Resolves at the second. From then on they work as they do by themselves: a third ends the process. */
  readonly second: Promise<NodeJS.Signals>;
  /** Leaves the signals to whoever had them before. */
  dispose(): void;
}

/**
 * Takes over the signals that ask a process to stop. Not SIGHUP unless named: `nohup` sets that to be ignored,
 * and a handler would undo it.
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
