import { Alert, Button, Code, Group } from '@mantine/core';
import { useCopy } from '../copy/use-copy.ts';

interface SecretOnceProps {
  /** Name of the secret, such as `The key`. */
  readonly what: string;
  readonly secret: string;
}

/** Shows a secret that the server returns only once. */
export function SecretOnce({ what, secret }: SecretOnceProps) {
  const { isCopied, copy } = useCopy();
  return (
    <Alert color="iris" title={`${what} is shown this once`}>
      <Code block>{secret}</Code>
      <Group justify="flex-end" mt="xs">
        <Button size="compact-xs" onClick={() => copy(secret)} data-autofocus>
          {isCopied ? 'Copied' : 'Copy'}
        </Button>
      </Group>
    </Alert>
  );
}
