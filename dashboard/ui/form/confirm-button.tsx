import { Button, Group, Modal, Text, type ButtonProps } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface ConfirmButtonProps {
  readonly label: string;
  readonly title: string;
  /** Explains the action and whether it can be undone. */
  readonly children: ReactNode;
  readonly confirm: string;
  readonly isPending: boolean;
  /** Performs the action. The dialog waits for it. */
  readonly onConfirm: () => Promise<unknown>;
  readonly button?: ButtonProps;
}

/** A button for an action that cannot be undone: explains it and asks for confirmation. */
export function ConfirmButton(props: ConfirmButtonProps) {
  const { label, title, children, confirm, isPending, onConfirm, button } = props;
  const [isOpen, dialog] = useDisclosure(false);
  return (
    <>
      <Button size="compact-xs" variant="default" {...button} onClick={dialog.open}>
        {label}
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} title={title}>
        <Text>{children}</Text>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={dialog.close} data-autofocus>
            Back
          </Button>
          <Button color="red" loading={isPending} onClick={() => void onConfirm().then(dialog.close, dialog.close)}>
            {confirm}
          </Button>
        </Group>
      </Modal>
    </>
  );
}
