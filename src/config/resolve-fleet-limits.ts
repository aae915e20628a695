import type { z } from 'zod';
import { toMicros } from '../core/money.ts';
import type { Budget, Limits } from './config.ts';
import type { fleetLimitsSchema } from './fleet-limits-schema.ts';

type LimitsSettings = z.output<typeof fleetLimitsSchema>;

/** Returns the limits over all runs, with budgets in microdollars. */
export function resolveFleetLimits({ perUser, perTeam, perKey, maxPriority, global }: LimitsSettings): Limits {
  const { runsPerMinute, concurrent = null } = perUser;
  return {
    perUser: { ...resolveBudget(perUser), runsPerMinute, concurrent },
    perTeam: resolveBudget(perTeam),
    perKey,
    maxPriority,
    global: { ...resolveBudget(global), concurrent: global.concurrent ?? null },
  };
}

function resolveBudget({ usdPerDay, usdPerMonth, whenReached }: LimitsSettings['perTeam']): Budget {
  return {
    dayMicros: usdPerDay === undefined ? null : toMicros(usdPerDay),
    monthMicros: usdPerMonth === undefined ? null : toMicros(usdPerMonth),
    whenReached,
  };
}
