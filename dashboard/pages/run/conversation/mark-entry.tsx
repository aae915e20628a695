import type { LonghaulEvent } from 'longhaul/client';
import type { ReactNode } from 'react';
import { formatDuration, formatInstant, formatUsd } from '../../../ui/format/format.ts';
import { toVisible } from '../../../ui/text/to-visible.ts';
import { useRights } from '../../../data/signed-in.ts';
import { DecisionForm } from '../../approvals/decision-form.tsx';
import type { MarkItem } from '../log/run-log.ts';
import { Attachments } from './attachments.tsx';
import classes from './conversation.module.css';

const WAITS: Readonly<Record<string, string>> = {
  approval: 'Waits for a person, without a process',
  budget: 'Waits for a budget',
  provider_limit: 'Waits for the end of a limit of the provider',
};

/** A line between entries about a change of the whole run. */
export function MarkEntry({ item, isOver }: { readonly item: MarkItem; readonly isOver: boolean }) {
  const { event } = item;
  const { mayApprove } = useRights();
  if (event.type === 'approval.requested' && !isOver && mayApprove) {
    const { approvalId, kind, tool } = event.data;
    return (
      <div className={classes['tool']} data-pending>
        <div className={classes['toolBody']}>
          <DecisionForm approvalId={approvalId} kind={kind} input={tool.input} />
        </div>
      </div>
    );
  }
  if (event.type === 'run.message') {
    return (
      <div className={classes['said']}>
        <span className={classes['who']}>Said into the run</span>
        {toVisible(event.data.text)}
        <Attachments files={(event.data.parts ?? []).filter((part) => part.type !== 'text')} />
      </div>
    );
  }
  return (
    <div className={classes['mark']} data-tone={toTone(event)}>
      <span>{describe(event)}</span>
      <time dateTime={item.at} title={formatInstant(Date.parse(item.at))} className="numeric">
        {new Date(item.at).toLocaleTimeString('en-GB')}
      </time>
    </div>
  );
}

function toTone({ type }: LonghaulEvent): string | undefined {
  if (type === 'run.failed' || type === 'run.retrying' || type === 'agent.api_retry') return 'red';
  if (type === 'run.waiting' || type === 'agent.connection') return 'amber';
  return type === 'run.succeeded' ? 'green' : undefined;
}

function describe(event: LonghaulEvent): ReactNode {
  switch (event.type) {
    case 'run.queued': {
      const { reason } = event.data;
      return reason === 'handed_back' ? 'Handed back by its worker' : reason === 'resumed' ? 'Resumed' : 'Submitted';
    }
    case 'run.started':
      return event.attempt > 1 ? `Attempt ${event.attempt} started` : 'Started';
    case 'run.waiting':
      if (event.data.scope === 'session') return 'Waits for a higher budget of its session';
      return WAITS[event.data.waitingFor] ?? 'Waits';
    case 'run.retrying':
      return `${event.data.error.code}: tried again in ${formatDuration(event.data.delaySeconds * 1_000)}`;
    case 'run.succeeded':
      return `Succeeded in ${formatDuration(event.data.durationMs)}, ${formatUsd(event.data.costUsd)}`;
    case 'run.failed':
      return `Failed: ${event.data.error.code}`;
    case 'run.cancelled':
      return 'Cancelled';
    case 'agent.api_retry': {
      const { attempt, maxRetries, delayMs, status } = event.data;
      const answer = status === null ? 'did not answer' : `answered ${status}`;
      return `The provider ${answer}: call repeated in ${formatDuration(delayMs)} (${attempt} of ${maxRetries})`;
    }
    case 'agent.model_changed':
      return toVisible(`${event.data.to} answers in place of ${event.data.from}`);
    case 'agent.connection':
      return toVisible(`May not connect to ${event.data.host}:${event.data.port}`);
    case 'approval.unused':
      return toVisible(`${event.data.tool.name} was allowed, and never used`);
    default:
      return event.type;
  }
}
