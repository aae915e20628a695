import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { messageOf } from '../ui/states/message-of.ts';

interface ActionOptions<Input, Output> {
  readonly act: (input: Input) => Promise<Output>;
  /** First parts of the query keys to refetch afterwards, after failures too. */
  readonly changes: readonly string[];
  readonly onSuccess?: (output: Output) => void;
  /** Notification after success; omit it when the page shows the result. */
  readonly done?: string;
  /** Set when a form shows the error itself. */
  readonly isQuiet?: boolean;
}

/** Runs an action of a button: notifies about its failure and refetches the changed data. */
export function useAction<Output, Input = void>(
  options: ActionOptions<Input, Output>,
): UseMutationResult<Output, Error, Input> {
  const queries = useQueryClient();
  const { act, changes, onSuccess, done, isQuiet = false } = options;
  return useMutation({
    mutationFn: act,
    onSuccess: (output) => {
      if (done !== undefined) notifications.show({ message: done });
      onSuccess?.(output);
    },
    onError: (error) => {
      if (!isQuiet) notifications.show({ color: 'red', title: 'That did not work', message: messageOf(error) });
    },
    onSettled: () => Promise.all(changes.map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
}
