import type { ErrorComponentProps } from '@tanstack/react-router';
import { Button } from '@mantine/core';
import { ExclamationTriangleIcon } from '@radix-ui/react-icons';
import { State } from './state.tsx';

/** Replaces a page that could not be loaded or drawn: after an update its files have other names. */
export function PageFailed({ error }: ErrorComponentProps) {
  const message = error instanceof Error ? error.message : 'Something went wrong.';
  const isOutdated = /import|module|fetch/i.test(message);
  return (
    <State
      icon={<ExclamationTriangleIcon />}
      title={isOutdated ? 'The dashboard was updated' : 'This page could not be shown'}
      role="alert"
      actions={
        <Button variant="default" onClick={() => location.reload()}>
          Reload
        </Button>
      }
    >
      {isOutdated ? 'Reload to get the new one, or check the connection to the server.' : message}
    </State>
  );
}
