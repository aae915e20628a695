import { Button } from '@mantine/core';
import { ExclamationTriangleIcon, LockClosedIcon } from '@radix-ui/react-icons';
import { LonghaulForbiddenError } from 'longhaul/client';
import { messageOf } from './message-of.ts';
import { State } from './state.tsx';

interface FailedProps {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
  readonly isCompact?: boolean;
}

/** Replaces content that could not be read: the request was rejected or failed. */
export function Failed({ error, onRetry, isCompact = false }: FailedProps) {
  if (error instanceof LonghaulForbiddenError) return <NoPermission isCompact={isCompact} detail={messageOf(error)} />;
  return (
    <State
      icon={<ExclamationTriangleIcon />}
      title="This could not be loaded"
      isCompact={isCompact}
      role="alert"
      actions={
        onRetry !== undefined && (
          <Button variant="default" onClick={onRetry}>
            Try again
          </Button>
        )
      }
    >
      {messageOf(error)}
    </State>
  );
}

interface NoPermissionProps {
  readonly detail?: string;
  readonly isCompact?: boolean;
}

export function NoPermission({
  detail = 'Your key is not an operator key. Sign in with a key that has the scope admin.',
  isCompact = false,
}: NoPermissionProps) {
  return (
    <State icon={<LockClosedIcon />} title="Your key may not see this" isCompact={isCompact}>
      {detail}
    </State>
  );
}
