import type { Config } from '../config/config.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import { readPausedQueues } from '../run/pause-queue.ts';
import { ASSUMED_BYTES, readMemoryUse } from '../run/read/read-memory-use.ts';
import { readQueueStates } from '../run/read/read-queue-states.ts';
import { readProviderLimits } from '../run/waiting/provider-limits.ts';
import { readWorkers } from '../run/workers.ts';
import type { MemoryNeed, ScalingFacts } from './scaling.ts';

/** Reads the facts that decide on the need for slots. */
export async function readScalingFacts(database: Database, config: Config): Promise<ScalingFacts> {
  const [states, paused, limits, workers, memory] = await Promise.all([
    readQueueStates(database, { concurrentPerUser: config.limits.perUser.concurrent }),
    readPausedQueues(database),
    readProviderLimits(database),
    readWorkers(database),
    readMemoryNeed(database, config),
  ]);
  return { states, pausedQueues: new Set(paused.keys()), limits, workers, memory };
}

async function readMemoryNeed(database: Database, { agents, worker }: Config): Promise<MemoryNeed> {
  const names = withoutHealthAgent(agents).map(({ name }) => name);
  const use = await readMemoryUse(database, names);
  const limited = [...use].map(([name, bytes]) =>
    Math.min(bytes, (agents.get(name)?.limits.maxMemoryMb ?? Infinity) * 1_000_000),
  );
  return {
    slotBytes: limited.length === 0 ? ASSUMED_BYTES : Math.max(...limited),
    isMeasured: limited.length > 0,
    workerBytes: worker.restartAboveMb * 1_000_000,
  };
}
