import { ActionIcon, Textarea } from '@mantine/core';
import { PaperPlaneIcon } from '@radix-ui/react-icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { RunResource } from 'longhaul/client';
import { useRef, useState, type FormEvent } from 'react';
import { client } from '../../data/client.ts';
import { messageOf } from '../../ui/states/message-of.ts';
import classes from './run-page.module.css';

/** Continues a run's session. A running run with steering receives the text as a message. */
export function Composer({ run }: { readonly run: RunResource }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [text, setText] = useState('');
  // A retry after a lost response sends the same message.
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
        placeholder={run.finishedAt === null ? 'Send a message to this session…' : 'Continue this session…'}
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
