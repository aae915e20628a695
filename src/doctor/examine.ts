import type { Config } from '../config/config.ts';
import { toMessage } from '../core/errors.ts';
import { maskSecrets } from '../core/mask-secrets.ts';
import { after } from '../core/timers.ts';
import { VERDICTS, skipped, type Check, type CheckResult, type Finding, type Subject, type Verdict } from './check.ts';
import { CHECKS } from './checks.ts';
import { findServices, type Service } from './machine/services.ts';

/** Time that one check may take. The slowest, which start a process, take a second. */
const TIMEOUT_MS = 10_000;

/** The results of the checks, in the order of the list of checks. */
export interface Examination {
  /** The worst verdict, without `skipped`. */
  readonly verdict: Exclude<Verdict, 'skipped'>;
  readonly checks: readonly CheckResult[];
}

interface ExamineOptions {
  readonly config: Config;
  readonly env: Subject['env'];
  readonly database: Subject['database'];
  /** The process of a server that examines itself. Defaults to none. */
  readonly ownPid?: number;
  /** Defaults to all checks. */
  readonly checks?: readonly Check[];
  /** Time that one check may take, in ms. Defaults to 10,000. */
  readonly timeoutMs?: number;
}

/**
 * Examines a deployment with all checks at once. Never rejects: a check that throws, or that takes too long, is skipped
 * with that reason. Changes nothing in the deployment.
 */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const { config, env, database, ownPid, checks = CHECKS, timeoutMs = TIMEOUT_MS } = options;
  let services: Promise<readonly Service[]> | null = null;
  const subject = {
    config,
    env,
    database,
    findServices: () => (services ??= findServices({ config, database, ownPid })),
  };
  const results = await Promise.all(
    checks.map(async (check): Promise<CheckResult> => {
      const { id, theme, title, docs } = check;
      const { verdict, found, mend } = await examineWith(check, { subject, timeoutMs });
      // A system's error may repeat the value that it rejects.
      return { id, theme, title, verdict, found: maskSecrets(found), mend, docs };
    }),
  );
  return { verdict: toOverall(results), checks: results };
}

/** Returns the worst verdict. A skipped check says nothing. */
export function toOverall(results: readonly { readonly verdict: Verdict }[]): Examination['verdict'] {
  const judged = VERDICTS.filter((verdict) => verdict !== 'skipped');
  return judged.find((verdict) => results.some((result) => result.verdict === verdict)) ?? 'ok';
}

async function examineWith(
  check: Check,
  { subject, timeoutMs }: { subject: Omit<Subject, 'signal'>; timeoutMs: number },
): Promise<Finding> {
  const late = new AbortController();
  const timeout = Promise.withResolvers<Finding>();
  const timer = after(timeoutMs, () => {
    late.abort();
    timeout.resolve(skipped(`The check did not finish within ${timeoutMs / 1_000} s.`, 'Run it again.'));
  });
  try {
    const examination = (async () => check.examine({ ...subject, signal: late.signal }))();
    return await Promise.race([examination, timeout.promise]);
  } catch (error) {
    return skipped(`The check could not be made: ${toMessage(error)}`);
  } finally {
    clearTimeout(timer);
    late.abort();
  }
}
