import type { Config } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Service } from './machine/services.ts';

/** In falling order of urgency; `skipped` could not be judged. */
export const VERDICTS = ['failed', 'warning', 'skipped', 'ok'] as const;

export type Verdict = (typeof VERDICTS)[number];

/** The result of a check, as its code returns it. */
export interface Finding {
  readonly verdict: Verdict;
  /** The values that were read and what they mean; for `skipped`, the reason. Contains no secret. */
  readonly found: string;
  /** The next step; null when there is nothing to do. */
  readonly mend: string | null;
}

/** A check's result with the facts about the check. */
export interface CheckResult extends Finding {
  readonly id: string;
  readonly theme: Theme;
  readonly title: string;
  /** Path of the documentation in this repository, with its section. */
  readonly docs: string;
}

export const THEMES = [
  'configuration',
  'agents',
  'provider',
  'limits',
  'monitoring',
  'machine',
  'supervision',
  'database',
] as const;

export type Theme = (typeof THEMES)[number];

/** The deployment under examination. */
export interface Subject {
  readonly config: Config;
  /** The environment variables of the process that examines. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The open database; or the reason why there is none, and whether that is itself a failure. */
  readonly database: Database | { readonly reason: string; readonly isFailure: boolean };
  /** Longhaul's processes on this machine, found once for all checks. */
  readonly findServices: () => Promise<readonly Service[]>;
  /** Aborts when the check's time is up. */
  readonly signal: AbortSignal;
}

/** A property of a deployment that is ready for production. */
export interface Check {
  /** Stable, in kebab case: programs may depend on it. */
  readonly id: string;
  readonly theme: Theme;
  readonly title: string;
  readonly docs: string;
  /** Judges the deployment. May reject: the caller turns the error into a finding. */
  readonly examine: (subject: Subject) => Finding | Promise<Finding>;
}

export const ok = (found: string): Finding => ({ verdict: 'ok', found, mend: null });
export const skipped = (found: string, mend: string | null = null): Finding => ({ verdict: 'skipped', found, mend });
export const warning = (found: string, mend: string): Finding => ({ verdict: 'warning', found, mend });
export const failed = (found: string, mend: string): Finding => ({ verdict: 'failed', found, mend });

/** Joins the worst of several findings: its verdict, and the texts of all findings with that verdict. */
export function worst(findings: readonly Finding[], otherwise: string): Finding {
  for (const verdict of VERDICTS) {
    const these = findings.filter((finding) => finding.verdict === verdict);
    if (these.length === 0) continue;
    const mends = [...new Set(these.map(({ mend }) => mend).filter((mend) => mend !== null))];
    return {
      verdict,
      found: these.map(({ found }) => found).join('; '),
      mend: mends.length === 0 ? null : mends.join(' '),
    };
  }
  return ok(otherwise);
}

/** Returns a check that needs the database: without one it is skipped, with the reason. */
export function databaseCheck(
  check: Omit<Check, 'examine' | 'theme'> & {
    readonly theme?: Theme;
    readonly examine: (database: Database, subject: Subject) => Finding | Promise<Finding>;
  },
): Check {
  const { theme = 'database', examine, ...facts } = check;
  return {
    ...facts,
    theme,
    examine: (subject) =>
      'reason' in subject.database
        ? skipped(`The database was not read: ${subject.database.reason}`)
        : examine(subject.database, subject),
  };
}
