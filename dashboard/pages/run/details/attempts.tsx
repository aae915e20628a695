import type { RunResource } from 'longhaul/client';
import { Usd } from '../../../ui/figures/usd.tsx';
import { formatBytes, formatUsd, shortId } from '../../../ui/format/format.ts';
import { Tag } from '../../../ui/status/tag.tsx';
import type { Tone } from '../../../ui/status/tone.ts';
import { LongText } from '../../../ui/text/long-text.tsx';
import { Duration } from '../../../ui/time/time.tsx';
import { Fact, Facts } from './facts.tsx';
import classes from './details.module.css';

type Attempt = NonNullable<RunResource['attempts']>[number];

const TONES: Readonly<Record<string, Tone>> = { succeeded: 'green', failed: 'red', waiting: 'amber' };

/** Lists the attempts: outcome, cost by both counts, and error. */
export function Attempts({ attempts }: { readonly attempts: readonly Attempt[] }) {
  return (
    <ol className={classes['attempts']}>
      {attempts.map((attempt) => (
        <li key={`${attempt.number} ${attempt.startedAt}`}>
          <header>
            <strong>{attempt.number}</strong>
            <Tag tone={attempt.outcome === null ? 'blue' : (TONES[attempt.outcome] ?? 'gray')}>
              {attempt.outcome === null ? 'running' : attempt.outcome.replaceAll('_', ' ')}
            </Tag>
            <span className={classes['quiet']}>
              <Duration from={attempt.startedAt} to={attempt.finishedAt} />
            </span>
          </header>
          <Facts>
            <Fact name="Gateway's count">
              <Usd usd={attempt.meteredCostUsd} />
            </Fact>
            <Fact name="Agent SDK's count">{reported(attempt)}</Fact>
            {attempt.peakMemoryBytes !== null && <Fact name="Most memory">{formatBytes(attempt.peakMemoryBytes)}</Fact>}
            <Fact name="Worker">
              <span className="mono" title={attempt.workerId}>
                {shortId(attempt.workerId)}
              </span>
            </Fact>
            {attempt.claudeCodeVersion !== null && <Fact name="Claude Code">{attempt.claudeCodeVersion}</Fact>}
            {attempt.errorCode !== null && (
              <Fact name="Error">
                <code className="mono">{attempt.errorCode}</code>
              </Fact>
            )}
            {attempt.exitCode !== null && <Fact name="Exit code">{attempt.exitCode}</Fact>}
            {attempt.signal !== null && <Fact name="Signal">{attempt.signal}</Fact>}
          </Facts>
          {attempt.errorDetail !== null && <LongText text={attempt.errorDetail} first={600} />}
        </li>
      ))}
    </ol>
  );
}

function reported({ reportedCostUsd, meteredCostUsd, outcome }: Attempt): string {
  if (reportedCostUsd === null) return outcome === null ? '–' : 'not reported';
  const drift = reportedCostUsd - meteredCostUsd;
  // Both are rounded to a millionth.
  return Math.abs(drift) < 0.000_002
    ? formatUsd(reportedCostUsd)
    : `${formatUsd(reportedCostUsd)} (${drift > 0 ? '+' : ''}${formatUsd(drift)})`;
}
