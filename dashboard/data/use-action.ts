import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { messageOf } from '../ui/states/message-of.ts';

interface ActionOptions<Input, Output> {
  readonly act: (input: Input) => Promise<Output>;
  /** First parts of the keys of what is to be read again afterwards, whatever came of it. */
  readonly changes: readonly string[];
  readonly onSuccess?: (output: Output) => void;
  /** What is said when it worked; left out: the page shows it. */
  readonly done?: string;
  /** A form shows the failure itself. */
  readonly isQuiet?: boolean;
}

/** Something that a press does: says when it failed, and has what it changed read again. */
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
