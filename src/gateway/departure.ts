import { after } from '../core/timers.ts';

/** Controls a call after the agent's process has hung up on it. */
export interface Departure {
  /** True when the process is gone. */
  readonly isGone: boolean;
  /** Records that the process has hung up. */
  leave(): void;
  /** Records that the call was sent: from now on the provider may charge for it, and the call waits for its cost. */
  stay(): void;
  /** Records that the cost of the call is known. */
  settle(): void;
  /** Records the end of the call: nothing follows. */
  stop(): void;
}

interface DepartureOptions {
  /** Milliseconds to wait for the cost of the call. */
  readonly lingerMs: number;
  /** Called once, when the process is gone and there is nothing to wait for. */
  readonly onCut: () => void;
}

/**
 * Creates the control of one call. When the process hangs up, the call continues until the provider has reported the
 * input, which is at the beginning of a stream: otherwise the call would be paid for at an unknown cost. The output in
 * the meantime costs little in comparison.
 */
export function createDeparture({ lingerMs, onCut }: DepartureOptions): Departure {
  let isGone = false;
  let isWaiting = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  return {
    get isGone() {
      return isGone;
    },
    leave() {
      if (isGone || isStopped) return;
      isGone = true;
      if (isWaiting) timer = after(lingerMs, onCut);
      else onCut();
    },
    stay() {
      isWaiting = true;
    },
    settle() {
      if (!isWaiting) return;
      isWaiting = false;
      clearTimeout(timer);
      if (isGone) onCut();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
