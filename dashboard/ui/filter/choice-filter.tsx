import { Checkbox, Stack, UnstyledButton } from '@mantine/core';
import { CheckIcon } from '@radix-ui/react-icons';
import type { ReactNode } from 'react';
import classes from './choice-filter.module.css';

interface Option {
  readonly value: string;
  readonly label: ReactNode;
}

interface ChoiceFilterProps {
  readonly options: readonly Option[];
  readonly value: string;
  readonly onApply: (value: string) => void;
}

/** Filters by one of several options. */
export function ChoiceFilter({ options, value, onApply }: ChoiceFilterProps) {
  return (
    <div className={classes['list']}>
      {options.map((option) => (
        <UnstyledButton
          key={option.value}
          className={classes['option']}
          aria-pressed={option.value === value}
          onClick={() => onApply(option.value)}
        >
          {option.label}
          {option.value === value && <CheckIcon />}
        </UnstyledButton>
      ))}
    </div>
  );
}

interface ChoicesFilterProps {
  readonly label: string;
  readonly options: readonly Option[];
  readonly value: readonly string[];
  readonly onApply: (value: readonly string[]) => void;
}

/** Filters by any of several options. */
export function ChoicesFilter({ label, options, value, onApply }: ChoicesFilterProps) {
  return (
    <Checkbox.Group label={label} value={[...value]} onChange={onApply}>
      <Stack gap={8} mt={8}>
        {options.map((option) => (
          <Checkbox key={option.value} value={option.value} label={option.label} />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
