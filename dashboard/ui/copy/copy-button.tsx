import { ActionIcon, Tooltip } from '@mantine/core';
import { CheckIcon, ClipboardCopyIcon } from '@radix-ui/react-icons';
import { useCopy } from './use-copy.ts';

interface CopyButtonProps {
  readonly text: string | (() => string);
  /** Name of the copied text, such as `the id`. */
  readonly what: string;
}

export function CopyButton({ text, what }: CopyButtonProps) {
  const { isCopied, copy } = useCopy();
  const label = isCopied ? 'Copied' : `Copy ${what}`;
  return (
    <Tooltip label={label}>
      <ActionIcon size="sm" aria-label={label} onClick={() => copy(typeof text === 'string' ? text : text())}>
        {isCopied ? <CheckIcon /> : <ClipboardCopyIcon />}
      </ActionIcon>
    </Tooltip>
  );
}
