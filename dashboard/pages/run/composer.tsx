import { ActionIcon, Textarea } from '@mantine/core';
import { PaperPlaneIcon } from '@radix-ui/react-icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { RunResource } from 'longhaul/client';
import { useRef, useState, type FormEvent } from 'react';
import { client } from '../../data/client.ts';
import { messageOf } from '../../ui/states/message-of.ts';
import classes from './run-page.module.css';

/** Goes on with a run's conversation. Where the agent is steered and at work, it is said into the run itself. */
export function Composer({ run }: { readonly run: RunResource }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [text, setText] = useState('');
  // A message that is sent again because no answer came is the same one.
  const key = useRef(crypto.randomUUID());
  const send = useMutation({
    mutationFn: () => client.sendMessage(run.id, { prompt: text.trim() }, { idempotencyKey: key.current }),
    onSuccess: (next) => {
      setText('');
      key.current = crypto.randomUUID();
      void queries.invalidateQueries({ queryKey: ['session', run.sessionId] });
      if (next.id !== run.id) void navigate({ to: '/runs/$runId', params: { runId: next.id } });
    },
  });
  const isEmpty = text.trim() === '';
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (!isEmpty && !send.isPending) send.mutate();
  };
  return (
    <form className={classes['composer']} onSubmit={submit}>
      <Textarea
        aria-label="Message"
        placeholder={run.finishedAt === null ? 'Say something to this conversation…' : 'Go on with this conversation…'}
        value={text}
        autosize
        minRows={1}
        maxRows={8}
        error={send.error === null ? undefined : messageOf(send.error)}
        onChange={(event) => {
          setText(event.currentTarget.value);
          if (send.isError) send.reset();
          key.current = crypto.randomUUID();
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          submit();
        }}
      />
      <ActionIcon
        type="submit"
        variant="filled"
        color="iris"
        size={30}
        aria-label="Send"
        disabled={isEmpty}
        loading={send.isPending}
      >
        <PaperPlaneIcon />
      </ActionIcon>
    </form>
  );
}
