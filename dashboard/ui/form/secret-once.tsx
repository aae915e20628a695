import { Alert, Button, Code, Group } from '@mantine/core';
import { useCopy } from '../copy/use-copy.ts';

interface SecretOnceProps {
  /** What it is, such as `The key`. */
  readonly what: string;
  readonly secret: string;
}

/** A secret that is shown this once. */
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
