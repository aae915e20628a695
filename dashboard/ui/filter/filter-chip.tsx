import { Popover, UnstyledButton } from '@mantine/core';
import { Cross2Icon } from '@radix-ui/react-icons';
import type { ReactNode } from 'react';
import classes from './filter.module.css';

interface FilterChipProps {
  readonly name: string;
  /** What is asked for, in words; null: nothing yet. */
  readonly value: string | null;
  readonly isOpen: boolean;
  readonly onOpen: (isOpen: boolean) => void;
  readonly onRemove?: (() => void) | undefined;
  /** What it is changed with. */
  readonly children: ReactNode;
}

/** A part of what a list is narrowed by: what it is, and, when it is pressed, what changes it. */
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
