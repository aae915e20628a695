import { after } from '../core/timers.ts';

/** What becomes of a call when the agent's process hangs up on it. */
export interface Departure {
  /** Whether the process is gone. */
  readonly isGone: boolean;
  /** The process has hung up. */
  leave(): void;
  /** The call was sent: from now on the provider may charge for it, and what it charges is waited for. */
  stay(): void;
  /** What the call has cost is known. */
  settle(): void;
  /** The call is over: nothing more comes of it. */
  stop(): void;
}

interface DepartureOptions {
  /** How long what a call costs is waited for, in milliseconds. */
  readonly lingerMs: number;
  /** Called once, when the process is gone and nothing is waited for. */
  readonly onCut: () => void;
}

/**
 * A call that the process has hung up on goes on until the provider has said what it read, which a stream begins with:
 * cut at once, it would be paid for without anybody knowing how much. What is said meanwhile costs little beside it.
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
