import { Group, Select, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { NewSchedule, ScheduleResource } from 'longhaul/client';
import { useState } from 'react';
import { agentsQuery } from '../../data/agents.ts';
import { client } from '../../data/client.ts';
import { useSignedIn } from '../../data/signed-in.ts';
import { useAction } from '../../data/use-action.ts';
import { OwnerInputs } from '../../ui/form/owner-inputs.tsx';
import { FormDialog } from '../../ui/form/form-dialog.tsx';

interface ScheduleDialogProps {
  /** The schedule to change; null for a new one. */
  readonly schedule: ScheduleResource | null;
  readonly onClose: () => void;
}

const MISSED = [
  { value: 'once', label: 'Run the latest missed time' },
  { value: 'skip', label: 'Skip them' },
  { value: 'all', label: 'Run all missed times' },
];

const ZONES = Intl.supportedValuesOf('timeZone');

/** Creates or changes a schedule. */
export function ScheduleDialog({ schedule, onClose }: ScheduleDialogProps) {
  const { timeZone: serverZone, user: boundUser, team: boundTeam } = useSignedIn();
  const agents = useQuery(agentsQuery);
  const [name, setName] = useState(schedule?.name ?? '');
  const [agent, setAgent] = useState(schedule?.agent ?? null);
  const [prompt, setPrompt] = useState(schedule?.prompt ?? '');
  const [cron, setCron] = useState(schedule?.cron ?? '0 9 * * 1-5');
  const [zone, setZone] = useState(schedule?.timeZone ?? serverZone);
  const [missed, setMissed] = useState<Missed>(schedule?.missed ?? 'once');
  const [user, setUser] = useState('');
  const [team, setTeam] = useState('');
  const save = useAction({
    act: () => {
      const same = { agent: agent!, prompt, cron: cron.trim(), timeZone: zone, missed };
      if (schedule !== null) return client.changeSchedule(schedule.id, { ...same, name: name.trim() || null });
      return client.createSchedule({
        ...same,
        ...(name.trim() !== '' && { name: name.trim() }),
        ...(user.trim() !== '' && { user: user.trim() }),
        ...(team.trim() !== '' && { team: team.trim() }),
      });
    },
    changes: ['schedules'],
    onSuccess: onClose,
    isQuiet: true,
  });
  const isReady = agent !== null && prompt.trim() !== '' && cron.trim() !== '';
  return (
    <FormDialog
      title={schedule === null ? 'New schedule' : 'Change this schedule'}
      submit={schedule === null ? 'Create' : 'Save'}
      isReady={isReady}
      isPending={save.isPending}
      error={save.error}
      onSubmit={() => save.mutate()}
      onClose={onClose}
      size="lg"
    >
      <Group grow>
        <TextInput
          label="Name"
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        <Select
          label="Agent"
          data={agents.data?.map((one) => one.name) ?? []}
          value={agent}
          onChange={setAgent}
          allowDeselect={false}
        />
      </Group>
      <Textarea
        label="Prompt"
        autosize
        minRows={3}
        maxRows={12}
        value={prompt}
        onChange={(event) => setPrompt(event.currentTarget.value)}
      />
      <WhenInputs cron={cron} onCron={setCron} zone={zone} onZone={(next) => setZone(next ?? serverZone)} />
      <MissedInput missed={missed} onChange={setMissed} />
      {schedule === null && (
        <OwnerInputs
          user={boundUser === null ? user : null}
          onUser={setUser}
          team={boundTeam === null ? team : null}
          onTeam={setTeam}
        />
      )}
      <Text size="xs" c="dimmed">
        For example 30 7 * * 1-5: at 7:30 on every weekday. Shorthands such as @daily work too.
      </Text>
    </FormDialog>
  );
}

interface WhenInputsProps {
  readonly cron: string;
  readonly onCron: (cron: string) => void;
  readonly zone: string;
  readonly onZone: (zone: string | null) => void;
}

function WhenInputs({ cron, onCron, zone, onZone }: WhenInputsProps) {
  return (
    <Group grow align="flex-start">
      <TextInput
        label="When"
        description="Minute, hour, day, month, weekday"
        value={cron}
        classNames={{ input: 'mono' }}
        onChange={(event) => onCron(event.currentTarget.value)}
      />
      <Select
        label="Time zone"
        description="Time zone of the expression"
        searchable
        limit={50}
        data={ZONES.includes(zone) ? ZONES : [zone, ...ZONES]}
        value={zone}
        onChange={onZone}
        allowDeselect={false}
      />
    </Group>
  );
}

type Missed = NonNullable<NewSchedule['missed']>;

function MissedInput({ missed, onChange }: { readonly missed: Missed; readonly onChange: (missed: Missed) => void }) {
  return (
    <Select
      label="Times missed while no server was running"
      data={MISSED}
      value={missed}
      onChange={(next) => onChange((next ?? 'once') as Missed)}
      allowDeselect={false}
    />
  );
}
