import { Button, Collapse, Group, JsonInput, NumberInput, Select, Text, Textarea, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import type { AgentResource, RunResource, SessionResource, Submission } from 'longhaul/client';
import { useRef, useState, type FormEvent } from 'react';
import { client } from '../../data/client.ts';
import { useSignedIn } from '../../data/signed-in.ts';
import { useAction } from '../../data/use-action.ts';
import { formatUsd } from '../../ui/format/format.ts';
import { messageOf } from '../../ui/states/message-of.ts';
import classes from './try.module.css';

interface TryFormProps {
  readonly agents: readonly AgentResource[];
  /** The run to repeat; null for a new run. */
  readonly source: RunResource | null;
  /** The session to branch off; null for a new session. */
  readonly session: SessionResource | null;
}

type Limits = NonNullable<Submission['limits']>;

/** A form with all fields of a submission, the most common ones first. */
export function TryForm({ agents, source, session }: TryFormProps) {
  const navigate = useNavigate();
  const { user: boundUser, team: boundTeam } = useSignedIn();
  const [agentName, setAgentName] = useState(session?.agent ?? source?.agent ?? agents[0]!.name);
  const [prompt, setPrompt] = useState(source?.prompt ?? '');
  const [user, setUser] = useState(source?.user ?? '');
  const [team, setTeam] = useState(source?.team ?? '');
  const [metadata, setMetadata] = useState(
    source === null || Object.keys(source.metadata).length === 0 ? '' : JSON.stringify(source.metadata, null, 2),
  );
  const [limits, setLimits] = useState<Limits>({});
  const [isMore, more] = useDisclosure(source !== null);
  const key = useRef(crypto.randomUUID());
  const agent = agents.find(({ name }) => name === agentName) ?? agents[0]!;

  const submit = useAction({
    act: () => client.submit(toSubmission(), { idempotencyKey: key.current }),
    changes: ['runs-head', 'unfinished'],
    onSuccess: ({ id }) => void navigate({ to: '/runs/$runId', params: { runId: id } }),
    isQuiet: true,
  });

  function toSubmission(): Submission {
    const wanted = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
    return {
      agent: agent.name,
      prompt,
      ...(session !== null && { sessionId: session.id, fork: true }),
      ...(session === null && boundUser === null && user.trim() !== '' && { user: user.trim() }),
      ...(session === null && boundTeam === null && team.trim() !== '' && { team: team.trim() }),
      ...(session?.user != null && boundUser === null && { user: session.user }),
      ...(session?.team != null && boundTeam === null && { team: session.team }),
      ...(metadata.trim() !== '' && { metadata: JSON.parse(metadata) as Record<string, unknown> }),
      ...(Object.keys(wanted).length > 0 && { limits: wanted }),
    };
  }

  const isLong = prompt.length > agent.limits.maxPromptLength;
  const isReady = prompt.trim() !== '' && !isLong && (metadata.trim() === '' || isObject(metadata));
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady && !submit.isPending) submit.mutate();
  };
  const change = () => {
    key.current = crypto.randomUUID();
    if (submit.isError) submit.reset();
  };
  const limit = (name: keyof Limits, label: string, most: number) => (
    <NumberInput
      label={label}
      description={`At most ${most.toLocaleString('en-US')}`}
      placeholder={String(most)}
      min={0}
      max={most}
      value={limits[name] ?? ''}
      onChange={(value) => setLimits({ ...limits, [name]: typeof value === 'number' ? value : undefined })}
    />
  );

  return (
    <form className={classes['form']} onSubmit={onSubmit} onChange={change}>
      <Select
        label="Agent"
        data={agents.map(({ name }) => name)}
        value={agent.name}
        onChange={(name) => setAgentName(name ?? agent.name)}
        allowDeselect={false}
        disabled={session !== null}
      />
      <p className={classes['about']}>
        {agent.model} · {agent.tools.length === 0 ? 'no tools' : agent.tools.join(', ')} · up to{' '}
        {formatUsd(agent.limits.maxBudgetUsd)}, {agent.limits.maxTurns} turns, {agent.limits.timeoutSeconds} s
      </p>
      <Textarea
        label="Prompt"
        placeholder="What should it do?"
        autosize
        minRows={6}
        maxRows={20}
        value={prompt}
        error={isLong ? `At most ${agent.limits.maxPromptLength.toLocaleString('en-US')} characters` : undefined}
        autoFocus
        onChange={(event) => setPrompt(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onSubmit(event);
        }}
      />
      <Button
        variant="subtle"
        color="gray"
        size="compact-xs"
        w="fit-content"
        aria-expanded={isMore}
        onClick={more.toggle}
      >
        {isMore ? 'Fewer options' : 'Limits, user, metadata'}
      </Button>
      <Collapse expanded={isMore}>
        <div className={classes['more']}>
          <div className={classes['row']}>
            {limit('maxBudgetUsd', 'Budget, USD', agent.limits.maxBudgetUsd)}
            {limit('maxTurns', 'Turns', agent.limits.maxTurns)}
            {limit('timeoutSeconds', 'Time, seconds', agent.limits.timeoutSeconds)}
          </div>
          {session === null && (boundUser === null || boundTeam === null) && (
            <div className={classes['row']}>
              {boundUser === null && (
                <TextInput label="User" value={user} onChange={(event) => setUser(event.currentTarget.value)} />
              )}
              {boundTeam === null && (
                <TextInput label="Team" value={team} onChange={(event) => setTeam(event.currentTarget.value)} />
              )}
            </div>
          )}
          <JsonInput
            label="Metadata"
            placeholder={'{ "ticket": 4711 }'}
            autosize
            minRows={2}
            value={metadata}
            error={metadata.trim() !== '' && !isObject(metadata) ? 'A JSON object: { … }' : undefined}
            onChange={setMetadata}
          />
        </div>
      </Collapse>
      {submit.error !== null && (
        <Text c="red" role="alert">
          {messageOf(submit.error)}
        </Text>
      )}
      <Group>
        <Button type="submit" loading={submit.isPending} disabled={!isReady} size="sm">
          Run it
        </Button>
        <Text size="xs" c="dimmed">
          Ctrl Enter
        </Text>
      </Group>
    </form>
  );
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
