import type { AlertsConfig, AlertSeverity } from '../config/config.ts';
import type { AlertFacts } from './alert-facts.ts';

/** A condition that a rule finds at the time of its evaluation. */
export interface Finding {
  readonly key: string;
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly detail: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface RuleContext {
  readonly facts: AlertFacts;
  readonly alerts: AlertsConfig;
  readonly now: Date;
  /** End of the period that the previous evaluation covered. */
  readonly lookedUntil: Date;
}

/** A rule: its condition, the text of its alerts, and how long they last. */
export interface Rule {
  readonly name: string;
  /** True when an alert that stays open is repeated. */
  readonly isRepeated: boolean;
  /**
   * Consecutive evaluations without the finding after which the alert is resolved: otherwise a figure that swings
   * around its threshold would cause a message every minute. `once`: a finding is an event, which is delivered once and
   * resolved at the next evaluation.
   */
  readonly calm: number | 'once';
  readonly find: (context: RuleContext) => Promise<Finding[]>;
}

/** Returns `25 %`, or with a decimal for small shares: `0.4 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))} %`;
}
