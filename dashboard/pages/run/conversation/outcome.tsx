import { Loader } from '@mantine/core';
import { CheckCircledIcon, CrossCircledIcon } from '@radix-ui/react-icons';
import type { RunResource } from 'longhaul/client';
import { JsonView } from '../../../ui/code/json-view.tsx';
import { CopyButton } from '../../../ui/copy/copy-button.tsx';
import { formatDuration, formatUsd } from '../../../ui/format/format.ts';
import { LongText } from '../../../ui/text/long-text.tsx';
import { Markdown } from '../../../ui/text/markdown.tsx';
import { Duration } from '../../../ui/time/time.tsx';
import type { LogItem } from '../log/run-log.ts';
import { toAdvice } from '../run-advice.ts';
import classes from './conversation.module.css';

interface OutcomeProps {
  readonly run: RunResource;
  readonly isOver: boolean;
  readonly isRead: boolean;
  readonly isLast: LogItem | undefined;
}

/** Shows the outcome of the run, or its current state. */
export function Outcome({ run, isOver, isRead, isLast }: OutcomeProps) {
  if (!isOver) return <Working run={run} isLast={isLast} />;
  if (run.finishedAt === null || !isRead) return <div className={classes['entry']} />;
  if (run.error !== null) return <Problem run={run} error={run.error} />;
  if (run.status !== 'succeeded') return <div className={classes['entry']} />;
  const isShownAbove = isLast?.kind === 'text' && isLast.text.trim() === run.result?.trim();
  return (
    <div className={classes['entry']} data-kind="outcome">
      <section className={classes['outcome']} data-tone="green" aria-label="Result">
        <header>
          <CheckCircledIcon />
          <h2>Succeeded</h2>
          <span className={classes['quiet']}>
            {run.durationMs !== null && `${formatDuration(run.durationMs)} · `}
            {formatUsd(run.costUsd)}
          </span>
          {run.result !== null && run.result !== '' && <CopyButton text={run.result} what="the result" />}
        </header>
        {!isShownAbove && run.result !== null && run.result !== '' && <Markdown text={run.result} />}
        {run.structuredOutput !== null && run.structuredOutput !== undefined && (
          <JsonView value={run.structuredOutput} />
        )}
      </section>
    </div>
  );
}

function Working({ run, isLast }: { run: RunResource; isLast: LogItem | undefined }) {
  if (run.status === 'waiting') {
    const cause =
      run.waitingFor === 'approval' ? 'a person' : run.waitingFor === 'budget' ? 'a budget' : 'the provider';
    return <Line>Waits for {cause}. It continues automatically.</Line>;
  }
  if (run.status === 'queued') {
    return (
      <Line>
        {run.startAfter !== null && Date.parse(run.startAfter) > Date.now()
          ? 'Starts later, at the requested time.'
          : 'Waits for a free worker.'}
      </Line>
    );
  }
  if (isLast?.kind === 'text' && isLast.isStreaming) return <div className={classes['entry']} />;
  return (
    <Line isBusy>
      Working
      {run.startedAt !== null && (
        <>
          {' '}
          for <Duration from={run.startedAt} to={null} />
        </>
      )}
    </Line>
  );
}

function Line({ isBusy = false, children }: { isBusy?: boolean; children: React.ReactNode }) {
  return (
    <div className={classes['entry']} data-kind="outcome">
      <p className={classes['working']} role="status">
        {isBusy && <Loader size={12} color="gray" />}
        <span>{children}</span>
      </p>
    </div>
  );
}

function Problem({ run, error }: { run: RunResource; error: NonNullable<RunResource['error']> }) {
  const advice = toAdvice(error.code);
  const tone = run.status === 'cancelled' ? 'gray' : 'red';
  return (
    <div className={classes['entry']} data-kind="outcome">
      <section className={classes['outcome']} data-tone={tone} aria-label="Error">
        <header>
          <CrossCircledIcon />
          <h2>{error.message}</h2>
        </header>
        <p>
          <code className="mono">{error.code}</code>
          {error.retryable ? ' · another try may help' : ''}
        </p>
        {advice !== null && <p className={classes['advice']}>{advice}</p>}
        {error.detail !== undefined && error.detail !== '' && (
          <details className={classes['details']}>
            <summary>Details</summary>
            <LongText text={error.detail} />
          </details>
        )}
      </section>
    </div>
  );
}
