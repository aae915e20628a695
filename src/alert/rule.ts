import type { AlertsConfig, AlertSeverity } from '../config/config.ts';
import type { AlertFacts } from './alert-facts.ts';

/** Something a rule finds to be the case just now. */
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
  /** What ended before this has been looked at by the evaluation before. */
  readonly lookedUntil: Date;
}

/** One thing that operators are told of: when it is so, in which words, and how long it lasts. */
export interface Rule {
  readonly name: string;
  /** Whether an alert that stays open is told again. */
  readonly isRepeated: boolean;
  /**
   * Evaluations in a row that must not find it before it is over: a figure that swings around its threshold would
   * otherwise be told every minute. `once`: a finding is an event, told once ever and over with the next evaluation.
   */
  readonly calm: number | 'once';
  readonly find: (context: RuleContext) => Promise<Finding[]>;
}

/** `1 run`, `2 runs`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `25 %`, or with a decimal where it matters: `0.4 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))} %`;
}
