import type { OutcomeCount } from './alert-facts.ts';
import { percent, type Finding, type Rule } from './rule.ts';
import { judgeFailures, VERDICT_WORDS } from './verdict.ts';

/**
 * Finds too many failures among the runs that ended recently: of one agent, or of all together. Names the likely cause.
 */
export const errorRate: Rule = {
  name: 'error_rate',
  isRepeated: true,
  calm: 2,
  async find({ facts, alerts, now }) {
    const { errorRate } = alerts;
    if (errorRate === null) return [];
    const since = new Date(now.getTime() - errorRate.windowMinutes * 60_000);
    const counts = await facts.outcomes({ since });
    const findings = [judge({ counts, agent: null, ...errorRate })];
    for (const agent of new Set(counts.map((count) => count.agent)))
      findings.push(judge({ counts: counts.filter((count) => count.agent === agent), agent, ...errorRate }));
    return findings.filter((finding) => finding !== null);
  },
};

interface JudgeOptions {
  readonly counts: readonly OutcomeCount[];
  /** Null: all agents. */
  readonly agent: string | null;
  readonly share: number;
  readonly minRuns: number;
  readonly windowMinutes: number;
}

function judge({ counts, agent, share, minRuns, windowMinutes }: JudgeOptions): Finding | null {
  const codes: Record<string, number> = {};
  let runs = 0;
  let failed = 0;
  for (const count of counts) {
    runs += count.runs;
    if (count.status !== 'failed') continue;
    failed += count.runs;
    const code = count.errorCode ?? 'unknown';
    codes[code] = (codes[code] ?? 0) + count.runs;
  }
  const failedShare = runs === 0 ? 0 : failed / runs;
  if (runs < minRuns || failedShare < share) return null;
  const verdict = judgeFailures(codes);
  const listed = Object.entries(codes)
    .sort(([a, runsA], [b, runsB]) => runsB - runsA || a.localeCompare(b))
    .map(([code, runs]) => `${code} ${runs}`)
    .join(', ');
  return {
    key: agent === null ? 'error_rate' : `error_rate:${agent}`,
    severity: failedShare >= Math.min(1, share * 2) ? 'critical' : 'warning',
    title: `${percent(failedShare)} of ${agent === null ? 'all runs' : `the runs of agent ${agent}`} fail`,
    detail: `${failed} of ${runs} runs that ended in the last ${windowMinutes} min failed. Likely cause: ${VERDICT_WORDS[verdict]} (${listed}).`,
    data: { agent, runs, failed, share: failedShare, threshold: share, windowMinutes, verdict, codes },
  };
}
