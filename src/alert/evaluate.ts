import type { AlertsConfig } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import type { AlertFacts } from './alert-facts.ts';
import { recordFindings } from './record-findings.ts';
import { RULES } from './rules.ts';
import { takeTurns } from './take-turns.ts';

/** What ended this long before an evaluation is looked at when there was none before. */
const FIRST_LOOK_MS = 15 * 60_000;

/** A run's end carries the time at which its transaction began, and is seen when that is committed. */
const OVERLAP_MS = 2 * 60_000;

interface EvaluateOptions {
  readonly database: Database;
  readonly facts: AlertFacts;
  readonly alerts: AlertsConfig;
  readonly now: Date;
  /** How long a rule is left alone once anyone has evaluated it. */
  readonly everyMs: number;
  /** Told of a rule that could not be evaluated; the others are, and it is tried again with its next turn. */
  readonly onError: (error: unknown, rule: string) => void;
}

/**
 * Evaluates the rules that are due and whose turn nobody else takes; returns how many. Any number may do it at once.
 * @throws what the database throws when it is away.
 */
export async function evaluateRules(options: EvaluateOptions): Promise<number> {
  const { database, facts, alerts, now, everyMs, onError } = options;
  const turns = await takeTurns(database, { rules: RULES.map(({ name }) => name), now, everyMs });
  for (const { rule: name, turn, lookedUntil } of turns) {
    const rule = RULES.find((rule) => rule.name === name)!;
    const since = lookedUntil?.getTime() ?? now.getTime() - FIRST_LOOK_MS;
    try {
      const findings = await rule.find({ facts, alerts, now, lookedUntil: new Date(since - OVERLAP_MS) });
      await recordFindings(database, { rule, turn, findings, now, everyMs, alerts });
    } catch (error) {
      if (isDatabaseAway(error)) throw error;
      onError(error, name);
    }
  }
  return turns.length;
}
