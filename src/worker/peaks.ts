/** Time for which a burst is remembered, so that the next similar burst finds as many waiting processes. */
const REMEMBERED_SECONDS = 300;

/** The largest recent bursts of runs, by agent. */
export interface Peaks {
  /** Notes that a run of the agent begins. */
  note(agent: string): void;
  /** Returns the most runs of the agent that began within one second in the last five minutes. */
  peakOf(agent: string): number;
}

/** Creates counters by second. `now` is in milliseconds, from any clock that only goes forward. */
export function createPeaks(now: () => number = () => performance.now()): Peaks {
  /** Runs that began in each second, by agent, the oldest second first. */
  const counts = new Map<string, Map<number, number>>();
  const second = () => Math.floor(now() / 1_000);

  return {
    note(agent) {
      const bySecond = counts.get(agent) ?? new Map<number, number>();
      counts.set(agent, bySecond);
      bySecond.set(second(), (bySecond.get(second()) ?? 0) + 1);
      forget(bySecond);
    },
    peakOf(agent) {
      const bySecond = counts.get(agent);
      if (bySecond === undefined) return 0;
      forget(bySecond);
      return Math.max(0, ...bySecond.values());
    },
  };

  function forget(bySecond: Map<number, number>): void {
    for (const at of bySecond.keys()) {
      if (at >= second() - REMEMBERED_SECONDS) return;
      bySecond.delete(at);
    }
  }
}
