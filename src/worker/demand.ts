/** How long a burst is remembered: the next one like it finds as many processes waiting. */
const REMEMBERED_SECONDS = 300;

/** What has been asked of each agent lately. */
export interface Demand {
  /** Notes that a run of the agent begins. */
  note(agent: string): void;
  /** The most runs of the agent that began within one second, of the last five minutes. */
  peakOf(agent: string): number;
}

/** Counts by the second. `now` is in milliseconds; any clock that goes forward will do. */
export function createDemand(now: () => number = () => performance.now()): Demand {
  /** By agent: how many began in which second, oldest first. */
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
