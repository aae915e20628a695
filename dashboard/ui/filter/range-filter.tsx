import { Button, Group, TextInput } from '@mantine/core';
import { useState } from 'react';
import classes from './filter.module.css';

interface RangeFilterProps {
  readonly unit: string;
  readonly value: readonly [string | null, string | null];
  /** Called with null to remove the filter. */
  readonly onApply: (value: string | null) => void;
}

/** Filters by a range of numbers. Both ends are optional. */
export function RangeFilter({ unit, value: [min, max], onApply }: RangeFilterProps) {
  const [from, setFrom] = useState(min ?? '');
  const [to, setTo] = useState(max ?? '');
  const isWrong = (text: string) => text.trim() !== '' && !/^\d+(\.\d+)?$/.test(text.trim());
  const isInvalid = isWrong(from) || isWrong(to);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isInvalid) return;
        onApply(from.trim() === '' && to.trim() === '' ? null : `${from.trim()}..${to.trim()}`);
      }}
    >
      <div className={classes['range']}>
        <TextInput
          label={`At least, ${unit}`}
          inputMode="decimal"
          value={from}
          error={isWrong(from)}
          onChange={(event) => setFrom(event.currentTarget.value)}
          data-autofocus
        />
        <span aria-hidden>–</span>
        <TextInput
          label={`At most, ${unit}`}
          inputMode="decimal"
          value={to}
          error={isWrong(to)}
          onChange={(event) => setTo(event.currentTarget.value)}
        />
      </div>
      <Group justify="flex-end" mt="sm">
        <Button type="submit" disabled={isInvalid}>
          Apply
        </Button>
      </Group>
    </form>
  );
}
