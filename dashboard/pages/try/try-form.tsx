import { Button, Collapse, Group, JsonInput, NumberInput, Select, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import type { AgentResource, RunResource, SessionResource, SignedInResource, Submission } from 'longhaul/client';
import { useRef, useState, type FormEvent, type KeyboardEvent } from 'react';
import { client } from '../../data/client.ts';
import { useSignedIn } from '../../data/signed-in.ts';
import { useAction } from '../../data/use-action.ts';
import { OwnerInputs } from '../../ui/form/owner-inputs.tsx';
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
  const signedIn = useSignedIn();
  const { user: boundUser, team: boundTeam } = signedIn;
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
    act: () =>
      client.submit(toSubmission({ agent, prompt, user, team, metadata, limits, session, signedIn }), {
        idempotencyKey: key.current,
      }),
    changes: ['runs-head', 'unfinished'],
    onSuccess: ({ id }) => void navigate({ to: '/runs/$runId', params: { runId: id } }),
    isQuiet: true,
  });

  const isLong = prompt.length > agent.limits.maxPromptLength;
  const isReady = prompt.trim() !== '' && !isLong && (metadata.trim() === '' || isObject(metadata));
  const onSubmit = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (isReady && !submit.isPending) submit.mutate();
  };
  const change = () => {
    key.current = crypto.randomUUID();
    if (submit.isError) submit.reset();
  };
  return (
    <form className={classes['form']} onSubmit={onSubmit} onChange={change}>
      <AgentInput agents={agents} agent={agent} onChange={setAgentName} isFixed={session !== null} />
      <PromptInput prompt={prompt} most={agent.limits.maxPromptLength} onChange={setPrompt} onSubmit={onSubmit} />
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
          <LimitInputs agent={agent} limits={limits} onChange={setLimits} />
          {session === null && (
            <OwnerInputs
              user={boundUser === null ? user : null}
              onUser={setUser}
              team={boundTeam === null ? team : null}
              onTeam={setTeam}
            />
          )}
          <MetadataInput metadata={metadata} onChange={setMetadata} />
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

interface FormValues {
  readonly agent: AgentResource;
  readonly prompt: string;
  readonly user: string;
  readonly team: string;
  readonly metadata: string;
  readonly limits: Limits;
  readonly session: SessionResource | null;
  readonly signedIn: SignedInResource;
}

/** Converts the form to a submission. The owner is left out if the signed-in key is bound to one. */
function toSubmission({ agent, prompt, user, team, metadata, limits, session, signedIn }: FormValues): Submission {
  const wanted = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  const owner = {
    user: session === null ? user.trim() : (session.user ?? ''),
    team: session === null ? team.trim() : (session.team ?? ''),
  };
  return {
    agent: agent.name,
    prompt,
    ...(session !== null && { sessionId: session.id, fork: true }),
    ...(signedIn.user === null && owner.user !== '' && { user: owner.user }),
    ...(signedIn.team === null && owner.team !== '' && { team: owner.team }),
    ...(metadata.trim() !== '' && { metadata: JSON.parse(metadata) as Record<string, unknown> }),
    ...(Object.keys(wanted).length > 0 && { limits: wanted }),
  };
}

interface AgentInputProps {
  readonly agents: readonly AgentResource[];
  readonly agent: AgentResource;
  readonly onChange: (name: string) => void;
  readonly isFixed: boolean;
}

function AgentInput({ agents, agent, onChange, isFixed }: AgentInputProps) {
  return (
    <>
      <Select
        label="Agent"
        data={agents.map(({ name }) => name)}
        value={agent.name}
        onChange={(name) => onChange(name ?? agent.name)}
        allowDeselect={false}
        disabled={isFixed}
      />
      <p className={classes['about']}>
        {agent.model} · {agent.tools.length === 0 ? 'no tools' : agent.tools.join(', ')} · up to{' '}
        {formatUsd(agent.limits.maxBudgetUsd)}, {agent.limits.maxTurns} turns, {agent.limits.timeoutSeconds} s
      </p>
    </>
  );
}

interface PromptInputProps {
  readonly prompt: string;
  /** Maximum number of characters. */
  readonly most: number;
  readonly onChange: (prompt: string) => void;
  readonly onSubmit: (event: KeyboardEvent) => void;
}

function PromptInput({ prompt, most, onChange, onSubmit }: PromptInputProps) {
  return (
    <Textarea
      label="Prompt"
      placeholder="What should it do?"
      autosize
      minRows={6}
      maxRows={20}
      value={prompt}
      error={prompt.length > most ? `At most ${most.toLocaleString('en-US')} characters` : undefined}
      autoFocus
      onChange={(event) => onChange(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onSubmit(event);
      }}
    />
  );
}

interface MetadataInputProps {
  readonly metadata: string;
  readonly onChange: (metadata: string) => void;
}

function MetadataInput({ metadata, onChange }: MetadataInputProps) {
  return (
    <JsonInput
      label="Metadata"
      placeholder={'{ "ticket": 4711 }'}
      autosize
      minRows={2}
      value={metadata}
      error={metadata.trim() !== '' && !isObject(metadata) ? 'A JSON object: { … }' : undefined}
      onChange={onChange}
    />
  );
}

interface LimitInputsProps {
  readonly agent: AgentResource;
  readonly limits: Limits;
  readonly onChange: (limits: Limits) => void;
}

/** Fields for the limits of a run, which may be lower than those of its agent. */
function LimitInputs({ agent, limits, onChange }: LimitInputsProps) {
  const fields = { maxBudgetUsd: 'Budget, USD', maxTurns: 'Turns', timeoutSeconds: 'Time, seconds' } as const;
  return (
    <div className={classes['row']}>
      {Object.entries(fields).map(([field, label]) => {
        const name = field as keyof typeof fields;
        const most = agent.limits[name];
        return (
          <NumberInput
            key={name}
            label={label}
            description={`At most ${most.toLocaleString('en-US')}`}
            placeholder={String(most)}
            min={0}
            max={most}
            value={limits[name] ?? ''}
            onChange={(value) => onChange({ ...limits, [name]: typeof value === 'number' ? value : undefined })}
          />
        );
      })}
    </div>
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
