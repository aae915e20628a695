import { Popover, UnstyledButton } from '@mantine/core';
import { Cross2Icon } from '@radix-ui/react-icons';
import type { ReactNode } from 'react';
import classes from './filter.module.css';

interface FilterChipProps {
  readonly name: string;
  /** The current filter in words; null without one. */
  readonly value: string | null;
  readonly isOpen: boolean;
  readonly onOpen: (isOpen: boolean) => void;
  readonly onRemove?: (() => void) | undefined;
  /** The form that changes the filter. */
  readonly children: ReactNode;
}

/** A filter of a list: shows its value, and opens its form when it is pressed. */
export function FilterChip({ name, value, isOpen, onOpen, onRemove, children }: FilterChipProps) {
  return (
    <Popover
      opened={isOpen}
      onChange={onOpen}
      position="bottom-start"
      shadow="md"
      width={280}
      trapFocus
      returnFocus
      withinPortal
    >
      <span className={classes['chip']} data-empty={value === null || undefined}>
        <Popover.Target>
          <UnstyledButton className={classes['chipMain']} onClick={() => onOpen(!isOpen)}>
            <span className={classes['chipName']}>{name}</span>
            {value !== null && <span className={classes['chipValue']}>{value}</span>}
          </UnstyledButton>
        </Popover.Target>
        {onRemove !== undefined && value !== null && (
          <UnstyledButton className={classes['chipRemove']} aria-label={`Remove ${name}`} onClick={onRemove}>
            <Cross2Icon width={11} height={11} />
          </UnstyledButton>
        )}
      </span>
      <Popover.Dropdown>{children}</Popover.Dropdown>
    </Popover>
  );
}
