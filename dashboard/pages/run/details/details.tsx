import { Link } from '@tanstack/react-router';
import type { RunResource } from 'longhaul/client';
import type { ReactNode } from 'react';
import { CopyButton } from '../../../ui/copy/copy-button.tsx';
import { JsonView } from '../../../ui/code/json-view.tsx';
import { Usd } from '../../../ui/figures/usd.tsx';
import { formatBytes, formatCount, formatDuration, shortId } from '../../../ui/format/format.ts';
import { RunStatusTag } from '../../../ui/status/run-status.tsx';
import { Duration, Time } from '../../../ui/time/time.tsx';
import { toVisible } from '../../../ui/text/to-visible.ts';
import { Meter } from '../../../ui/figures/meter.tsx';
import type { HostEntry } from '../log/run-log.ts';
import { Attempts } from './attempts.tsx';
import { Fact, Facts } from './facts.tsx';
import classes from './details.module.css';

interface DetailsProps {
  readonly run: RunResource;
}

/** Shows the facts of a run: owner, times, cost and limits, and the hosts in its log. */
export function Details({ run, hosts }: DetailsProps & { readonly hosts: readonly HostEntry[] }) {
  return (
    <div className={classes['details']}>
      <Section title="Run">
        <Facts>
          <OwnerFacts run={run} />
          <TimeFacts run={run} />
          <OriginFacts run={run} />
        </Facts>
      </Section>
      <Section title="Limits">
        <Limits run={run} />
      </Section>
      <Section title="Cost and tokens">
        <Costs run={run} />
      </Section>
      <Tools run={run} />
      <Hosts hosts={hosts} />
      {run.attempts !== undefined && run.attempts.length > 0 && (
        <Section title={`Attempts, ${run.attempt} of ${run.maxAttempts}`}>
          <Attempts attempts={run.attempts} />
        </Section>
      )}
      {Object.keys(run.metadata).length > 0 && (
        <Section title="Metadata">
          <JsonView value={run.metadata} first={2_000} />
        </Section>
      )}
    </div>
  );
}

function OwnerFacts({ run }: DetailsProps) {
  return (
    <>
      <Fact name="Status">
        <RunStatusTag run={run} />
      </Fact>
      <Fact name="Agent">{run.agent}</Fact>
      {run.user !== null && (
        <Fact name="User">
          <Link to="/runs" search={{ user: run.user }}>
            <bdi>{run.user}</bdi>
          </Link>
        </Fact>
      )}
      {run.team !== null && (
        <Fact name="Team">
          <Link to="/runs" search={{ team: run.team }}>
            <bdi>{run.team}</bdi>
          </Link>
        </Fact>
      )}
    </>
  );
}

function TimeFacts({ run }: DetailsProps) {
  return (
    <>
      <Fact name="Submitted">
        <Time at={run.createdAt} />
      </Fact>
      {run.startAfter !== null && (
        <Fact name="Not before">
          <Time at={run.startAfter} />
        </Fact>
      )}
      {run.startedAt !== null && (
        <Fact name="Waited">{formatDuration(Date.parse(run.startedAt) - Date.parse(run.createdAt))}</Fact>
      )}
      {run.finishedAt !== null && (
        <Fact name="Ended">
          <Time at={run.finishedAt} />
        </Fact>
      )}
      {run.priority !== 0 && <Fact name="Priority">{run.priority}</Fact>}
    </>
  );
}

function OriginFacts({ run }: DetailsProps) {
  return (
    <>
      <Fact name="Id">
        <IdText id={run.id} />
      </Fact>
      <Fact name="Session">
        <Link to="/sessions/$sessionId" params={{ sessionId: run.sessionId }} className="mono">
          {shortId(run.sessionId)}
        </Link>
      </Fact>
      {run.retryOf !== null && (
        <Fact name="Retry of">
          <Link to="/runs/$runId" params={{ runId: run.retryOf }} className="mono">
            {shortId(run.retryOf)}
          </Link>
        </Fact>
      )}
      {run.scheduleId !== null && (
        <Fact name="Schedule">
          <Link to="/runs" search={{ schedule: run.scheduleId }} className="mono">
            {shortId(run.scheduleId)}
          </Link>
        </Fact>
      )}
    </>
  );
}

function Limits({ run }: DetailsProps) {
  const { limits } = run;
  return (
    <>
      <Meter label="Cost" used={run.costUsd} limit={limits.maxBudgetUsd} show={(usd) => <Usd usd={usd} />} />
      <Meter label="Turns" used={run.turns} limit={limits.maxTurns} show={formatCount} />
      <TimeMeter run={run} />
      <Meter label="Prompt, characters" used={run.prompt.length} limit={limits.maxPromptLength} show={formatCount} />
      <Facts>
        <Fact name="Thinking">{formatCount(limits.maxThinkingTokens)} tokens a call</Fact>
        <Fact name="Memory">{formatCount(limits.maxMemoryMb)} MB</Fact>
      </Facts>
    </>
  );
}

function Costs({ run }: DetailsProps) {
  const { usage } = run;
  return (
    <>
      <Facts>
        <Fact name="Cost">
          <Usd usd={run.costUsd} />
        </Fact>
        <Fact name="Input">{formatCount(usage.inputTokens)}</Fact>
        <Fact name="Output">{formatCount(usage.outputTokens)}</Fact>
        <Fact name="Read from cache">{formatCount(usage.cacheReadTokens)}</Fact>
        <Fact name="Written to cache">{formatCount(usage.cacheCreationTokens)}</Fact>
      </Facts>
      <Models run={run} />
    </>
  );
}

function Tools({ run }: DetailsProps) {
  const tools = Object.entries(run.toolUses).sort(([, a], [, b]) => b - a);
  if (tools.length === 0) return null;
  return (
    <Section title="Tools">
      <Facts>
        {tools.map(([name, count]) => (
          <Fact key={name} name={toVisible(name)}>
            {formatCount(count)}
          </Fact>
        ))}
      </Facts>
    </Section>
  );
}

/** Lists the hosts that the run connected to, or was not allowed to. */
function Hosts({ hosts }: { readonly hosts: readonly HostEntry[] }) {
  if (hosts.length === 0) return null;
  return (
    <Section title="Hosts">
      <Facts>
        {hosts.slice(0, MOST_HOSTS).map((entry) => (
          <Fact key={`${entry.host}:${entry.port}`} name={toVisible(`${entry.host}:${entry.port}`)}>
            {describeHost(entry)}
          </Fact>
        ))}
        {hosts.length > MOST_HOSTS && <Fact name="More hosts">{formatCount(hosts.length - MOST_HOSTS)}</Fact>}
      </Facts>
    </Section>
  );
}

const MOST_HOSTS = 100;

function describeHost({ allowed, refused, sentBytes, receivedBytes }: HostEntry): string {
  return [
    ...(allowed > 0
      ? [`${formatTimes(allowed)}, ${formatBytes(sentBytes)} sent, ${formatBytes(receivedBytes)} received`]
      : []),
    ...(refused > 0 ? [`refused ${formatTimes(refused)}`] : []),
  ].join('; ');
}

function formatTimes(count: number): string {
  return count === 1 ? 'once' : `${formatCount(count)} times`;
}

function TimeMeter({ run }: DetailsProps) {
  const { timeoutSeconds } = run.limits;
  if (run.status === 'running' && run.startedAt !== null) {
    return (
      <p className={classes['fact']}>
        <span>Time</span>
        <span className="numeric">
          <Duration from={run.startedAt} to={null} /> of {formatDuration(timeoutSeconds * 1_000)}
        </span>
      </p>
    );
  }
  return (
    <Meter
      label="Time"
      used={run.durationMs ?? 0}
      limit={timeoutSeconds * 1_000}
      show={(ms) => (ms === 0 ? '0 s' : formatDuration(ms))}
    />
  );
}

function Models({ run }: DetailsProps) {
  const models = Object.entries(run.modelUsage);
  if (models.length < 2) {
    return models.length === 0 ? null : <p className={classes['quiet']}>All of it with {toVisible(models[0]![0])}.</p>;
  }
  return (
    <Facts>
      {models.map(([model, { costUsd, inputTokens, outputTokens }]) => (
        <Fact key={model} name={toVisible(model)}>
          <Usd usd={costUsd} />
          <br />
          <span className={classes['quiet']}>
            {formatCount(inputTokens)} in, {formatCount(outputTokens)} out
          </span>
        </Fact>
      ))}
    </Facts>
  );
}

function IdText({ id }: { id: string }) {
  return (
    <span className={classes['id']}>
      <span className="mono" title={id}>
        {shortId(id)}
      </span>
      <CopyButton text={id} what="the id" />
    </span>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes['section']}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
