import { Button } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import type { ScheduleResource } from 'longhaul/client';
import { client } from '../../data/client.ts';
import { useRights } from '../../data/signed-in.ts';
import { useAction } from '../../data/use-action.ts';
import { ConfirmButton } from '../../ui/form/confirm-button.tsx';
import { firstLine } from '../../ui/format/format.ts';
import { Tag } from '../../ui/status/tag.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import entries from '../../ui/list/entries.module.css';

interface ScheduleEntryProps {
  readonly schedule: ScheduleResource;
  readonly onEdit: () => void;
}

/** A schedule with its next and last times, and buttons for users who may change it. */
export function ScheduleEntry({ schedule, onEdit }: ScheduleEntryProps) {
  const { name, prompt, pausedAt, pausedReason, lastError } = schedule;
  const { mayWrite } = useRights();
  return (
    <article className={entries['entry']}>
      <header>
        <h2>
          <bdi>{toVisible(name ?? firstLine(prompt, 80))}</bdi>
        </h2>
        {pausedAt !== null && <Tag tone="amber">paused</Tag>}
        {lastError !== null && <Tag tone="red">the last one failed</Tag>}
        {mayWrite && <ScheduleButtons schedule={schedule} onEdit={onEdit} />}
      </header>
      <p className={entries['text']}>
        <bdi>{toVisible(prompt.slice(0, 400))}</bdi>
      </p>
      <ScheduleFacts schedule={schedule} />
      {pausedReason === 'key_revoked' && (
        <p className={entries['facts']}>Its API key was revoked. Resumed, it belongs to your key.</p>
      )}
      {lastError !== null && (
        <p className={entries['problem']}>
          {lastError.code}: {toVisible(lastError.message)}
        </p>
      )}
    </article>
  );
}

function ScheduleButtons({ schedule: { id, pausedAt }, onEdit }: ScheduleEntryProps) {
  const navigate = useNavigate();
  const toggle = useAction({
    act: () => (pausedAt === null ? client.pauseSchedule(id) : client.resumeSchedule(id)),
    changes: ['schedules'],
  });
  const trigger = useAction({
    act: () => client.triggerSchedule(id),
    changes: ['schedules', 'runs-head'],
    onSuccess: (run) => void navigate({ to: '/runs/$runId', params: { runId: run.id } }),
  });
  const remove = useAction({ act: () => client.removeSchedule(id), changes: ['schedules'], done: 'It was removed.' });
  return (
    <div className={entries['buttons']}>
      <Button size="compact-xs" variant="default" loading={trigger.isPending} onClick={() => trigger.mutate()}>
        Run now
      </Button>
      <Button size="compact-xs" variant="default" loading={toggle.isPending} onClick={() => toggle.mutate()}>
        {pausedAt === null ? 'Pause' : 'Resume'}
      </Button>
      <Button size="compact-xs" variant="default" onClick={onEdit}>
        Change…
      </Button>
      <ConfirmButton
        label="Remove…"
        title="Remove this schedule"
        confirm="Remove"
        isPending={remove.isPending}
        onConfirm={() => remove.mutateAsync()}
      >
        It stops submitting runs. Runs that it submitted stay.
      </ConfirmButton>
    </div>
  );
}

function ScheduleFacts({ schedule }: Pick<ScheduleEntryProps, 'schedule'>) {
  const { id, agent, cron, timeZone, nextAt, lastAt, lastRunId } = schedule;
  return (
    <p className={entries['facts']}>
      <span>{agent}</span>
      <span className="mono">{cron}</span>
      <span>{timeZone}</span>
      {nextAt !== null && (
        <span>
          next <Time at={nextAt} />, {toLocal(nextAt, timeZone)} there
        </span>
      )}
      {lastAt !== null && (
        <span>
          last <Time at={lastAt} />
        </span>
      )}
      {lastRunId !== null && (
        <Link to="/runs/$runId" params={{ runId: lastRunId }}>
          Last run
        </Link>
      )}
      <Link to="/runs" search={{ schedule: id }}>
        All its runs
      </Link>
    </p>
  );
}

function toLocal(at: string, timeZone: string): string {
  return new Date(at).toLocaleString('en-GB', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
}
