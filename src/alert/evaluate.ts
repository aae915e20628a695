import type { AlertsConfig } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import type { AlertFacts } from './alert-facts.ts';
import { recordFindings } from './record-findings.ts';
import { RULES } from './rules.ts';
import { takeTurns } from './take-turns.ts';

/** Period that the first evaluation covers. */
const FIRST_LOOK_MS = 15 * 60_000;

/** A run's end has the time at which its transaction began, but becomes visible when the transaction commits. */
const OVERLAP_MS = 2 * 60_000;

interface EvaluateOptions {
  readonly database: Database;
  readonly facts: AlertFacts;
  readonly alerts: AlertsConfig;
  readonly now: Date;
  /** Milliseconds until a rule is due again, after any server has evaluated it. */
  readonly everyMs: number;
  /**
   * Called for a rule that could not be evaluated; the other rules are evaluated, and the rule is retried at its next
   * turn.
   */
  readonly onError: (error: unknown, rule: string) => void;
}

/**
 * Evaluates the due rules whose turn no other server takes; returns how many. Safe to run on any number of servers at
 * once.
 * @throws the database's error when it is away.
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
