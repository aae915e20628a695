import { Button, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { LonghaulConflictError, type ApprovalResource } from 'longhaul/client';
import { useId, useState, type FormEvent } from 'react';
import { client } from '../../data/client.ts';
import { messageOf } from '../../ui/states/message-of.ts';
import { QuestionForm } from './question-form.tsx';
import { toQuestions } from './questions.ts';
import classes from './decision-form.module.css';

interface DecisionFormProps {
  readonly approvalId: string;
  readonly kind: ApprovalResource['kind'];
  readonly input: unknown;
  /** Called after the decision, by this user or another. */
  readonly onDecided?: (() => void) | undefined;
}

type Decision =
  | { readonly decision: 'allow'; readonly updatedInput?: Record<string, unknown> }
  | { readonly decision: 'allow'; readonly answers: Record<string, string | string[]> }
  | { readonly decision: 'deny'; readonly reason?: string | undefined };

/** Decides on an approval: allow, allow with another input, deny with a reason, or answer. A client's tool is not decided here. */
export function DecisionForm({ approvalId, kind, input, onDecided }: DecisionFormProps) {
  const queries = useQueryClient();
  const [mode, setMode] = useState<'choose' | 'edit' | 'deny'>('choose');
  const decide = useMutation({
    mutationFn: async (decision: Decision) => {
      if (decision.decision === 'deny') return client.deny(approvalId, decision.reason);
      const { decision: _, ...options } = decision;
      return client.approve(approvalId, options);
    },
    onSettled: (_, error) => {
      void queries.invalidateQueries({ queryKey: ['approvals'] });
      void queries.invalidateQueries({ queryKey: ['run'] });
      if (error === null || error instanceof LonghaulConflictError) onDecided?.();
    },
  });
  const failure = decide.error === null ? null : <p className={classes['error']}>{messageOf(decide.error)}</p>;

  if (kind === 'custom') {
    return <p>The client of this session runs the tool. Its result decides, and nobody here.</p>;
  }
  if (mode === 'deny') {
    return (
      <DenyForm isPending={decide.isPending} onCancel={() => setMode('choose')} onSubmit={decide.mutate}>
        {failure}
      </DenyForm>
    );
  }
  if (kind === 'question') {
    return (
      <QuestionForm
        questions={toQuestions(input)}
        isPending={decide.isPending}
        onAnswer={(answers) => decide.mutate({ decision: 'allow', answers })}
        onDeny={() => setMode('deny')}
      >
        {failure}
      </QuestionForm>
    );
  }
  if (mode === 'edit') {
    return (
      <EditForm input={input} isPending={decide.isPending} onCancel={() => setMode('choose')} onSubmit={decide.mutate}>
        {failure}
      </EditForm>
    );
  }
  return (
    <div className={classes['form']}>
      {failure}
      <div className={classes['buttons']}>
        <Button loading={decide.isPending} onClick={() => decide.mutate({ decision: 'allow' })} data-decision="allow">
          Allow
        </Button>
        <Button variant="default" onClick={() => setMode('edit')}>
          Change and allow…
        </Button>
        <Button variant="default" onClick={() => setMode('deny')} data-decision="deny">
          Deny…
        </Button>
      </div>
    </div>
  );
}

interface PartProps {
  readonly isPending: boolean;
  readonly onCancel: () => void;
  readonly onSubmit: (decision: Decision) => void;
  readonly children: React.ReactNode;
}

function DenyForm({ isPending, onCancel, onSubmit, children }: PartProps) {
  const [reason, setReason] = useState('');
  return (
    <form
      className={classes['form']}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        onSubmit({ decision: 'deny', reason: reason.trim() === '' ? undefined : reason.trim() });
      }}
    >
      <Textarea
        label="Reason"
        description="The agent reads it and may try something else."
        value={reason}
        maxLength={2_000}
        autosize
        minRows={2}
        maxRows={8}
        autoFocus
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {children}
      <div className={classes['buttons']}>
        <Button type="submit" color="red" loading={isPending}>
          Deny
        </Button>
        <Button variant="subtle" color="gray" onClick={onCancel}>
          Back
        </Button>
      </div>
    </form>
  );
}

function EditForm({ input, isPending, onCancel, onSubmit, children }: PartProps & { input: unknown }) {
  const [text, setText] = useState(() => JSON.stringify(input, null, 2));
  const id = useId();
  const checked = checkInput(text);
  return (
    <form
      className={classes['form']}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (checked.value !== null) onSubmit({ decision: 'allow', updatedInput: checked.value });
      }}
    >
      <Textarea
        id={id}
        label="Input of the tool"
        description="JSON. The same checks apply as to the original."
        value={text}
        error={checked.error}
        autosize
        minRows={4}
        maxRows={18}
        autoFocus
        spellCheck={false}
        classNames={{ input: 'mono' }}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {children}
      <div className={classes['buttons']}>
        <Button type="submit" loading={isPending} disabled={checked.value === null}>
          Allow with this input
        </Button>
        <Button variant="subtle" color="gray" onClick={onCancel}>
          Back
        </Button>
      </div>
    </form>
  );
}

function checkInput(text: string): { value: Record<string, unknown> | null; error: string | null } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { value: value as Record<string, unknown>, error: null };
    }
    return { value: null, error: 'The input of a tool is an object: { … }.' };
  } catch (error) {
    return { value: null, error: error instanceof Error ? error.message : 'This is not JSON.' };
  }
}
