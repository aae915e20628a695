import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { FormEvent, ReactNode } from 'react';
import { messageOf } from '../states/message-of.ts';

interface FormDialogProps {
  readonly title: string;
  readonly submit: string;
  readonly isReady: boolean;
  readonly isPending: boolean;
  readonly error: unknown;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly size?: string;
  readonly children: ReactNode;
}

/** A form in a dialog. It shows the error when the server rejects it. */
export function FormDialog(props: FormDialogProps) {
  const { title, submit, isReady, isPending, error, onSubmit, onClose, size, children } = props;
  return (
    <Modal opened onClose={onClose} title={title} size={size}>
      <form
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          if (isReady && !isPending) onSubmit();
        }}
      >
        <Stack gap="sm">
          {children}
          {error !== null && (
            <Text c="red" role="alert">
              {messageOf(error)}
            </Text>
          )}
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={onClose}>
              Back
            </Button>
            <Button type="submit" disabled={!isReady} loading={isPending}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
