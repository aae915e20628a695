import type { Config } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Figure } from './figure.ts';
import { readScalingFacts } from './read-scaling.ts';
import { toScaling, type Scaling } from './scaling.ts';
import { toScalingFigures } from './scaling-figures.ts';
import { readServiceFigures } from './service-figures.ts';
import { createSharedRead } from './shared-read.ts';
import { toTotalFigures } from './total-figures.ts';
import { readTotals } from './totals.ts';

/** The figures of the fleet, from the database: the same on every server, and right after a restart. */
export interface Fleet {
  /** Reads the metrics. Callers within a few seconds share one read. */
  figures(): Promise<readonly Figure[]>;
  /** Reads the need for slots. Callers within a few seconds share one read. */
  scaling(): Promise<Scaling>;
}

export function createFleet(deps: { readonly config: Config; readonly database: Database }): Fleet {
  const { config, database } = deps;
  const facts = createSharedRead(() => readScalingFacts(database, config));
  const rest = createSharedRead(() => Promise.all([readServiceFigures(deps), readTotals(database)]));
  return {
    async figures() {
      const [scaling, [service, totals]] = await Promise.all([facts(), rest()]);
      return [...toScalingFigures(scaling, config), ...service, ...toTotalFigures(totals)];
    },
    scaling: async () => toScaling(await facts(), config),
  };
}
