import { Button, Text, Title } from '@mantine/core';
import { messageOf } from '../../ui/states/message-of.ts';
import classes from './sign-in-page.module.css';

interface UnreachableProps {
  readonly error: Error;
  readonly isTrying: boolean;
  readonly onRetry: () => void;
}

/** Shown when the server does not respond to the check of the sign-in. */
export function Unreachable({ error, isTrying, onRetry }: UnreachableProps) {
  return (
    <main className={classes['page']}>
      <div className={classes['card']} role="alert">
        <Title order={1}>The server does not respond</Title>
        <Text c="dimmed" size="sm" mt={4} mb="lg">
          {messageOf(error)} The dashboard goes on when it is back.
        </Text>
        <Button variant="default" loading={isTrying} onClick={onRetry}>
          Try again
        </Button>
      </div>
    </main>
  );
}
