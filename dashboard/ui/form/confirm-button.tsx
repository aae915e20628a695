import { Button, Group, Modal, Text, type ButtonProps } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface ConfirmButtonProps {
  readonly label: string;
  readonly title: string;
  /** What it does, and whether it can be undone. */
  readonly children: ReactNode;
  readonly confirm: string;
  readonly isPending: boolean;
  /** Settles once it was tried. */
  readonly onConfirm: () => Promise<unknown>;
  readonly button?: ButtonProps;
}

/** A button for what cannot be undone: says what it does, and asks. */
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
