import type { z } from 'zod';
import { toMicros } from '../core/money.ts';
import type { Budget, Limits } from './config.ts';
import type { fleetLimitsSchema } from './fleet-limits-schema.ts';

type LimitsInput = z.input<typeof fleetLimitsSchema>;

/** Returns the limits over all runs with every default in place. */
export function resolveFleetLimits({ perUser, perTeam, perKey, maxPriority, global }: LimitsInput): Limits {
  return {
    perUser: {
      ...resolveBudget(perUser),
      runsPerMinute: toRate(perUser?.runsPerMinute ?? 5),
      concurrent: perUser?.concurrent ?? null,
    },
    perTeam: resolveBudget(perTeam),
    perKey: { runsPerMinute: toRate(perKey?.runsPerMinute ?? false) },
    maxPriority: maxPriority ?? 0,
    global: { ...resolveBudget(global), concurrent: global?.concurrent ?? null },
  };
}

function resolveBudget(budget: LimitsInput['perTeam']): Budget {
  return {
    dayMicros: budget?.usdPerDay === undefined ? null : toMicros(budget.usdPerDay),
    monthMicros: budget?.usdPerMonth === undefined ? null : toMicros(budget.usdPerMonth),
    whenReached: budget?.whenReached ?? 'refuse',
  };
}

/** Returns a number of runs per minute, or null for no limit. */
function toRate(given: number | false): number | null {
  return given === false ? null : given;
}
