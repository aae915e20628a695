import { Button, Divider, Group, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ChoiceFilter } from './choice-filter.tsx';

interface TimeFilterProps {
  readonly spans: Readonly<Record<string, { readonly title: string }>>;
  /** Name of a range, or `FROM..TO` in ISO 8601. */
  readonly value: string;
  readonly onApply: (value: string) => void;
  /** Label without a filter. */
  readonly anyTitle?: string;
}

/** Filters by time: a named range that ends now, or a start and an end in the reader's time zone. */
export function TimeFilter({ spans, value, onApply, anyTitle }: TimeFilterProps) {
  const [first = '', last = ''] = value.includes('..') ? value.split('..') : [];
  const [from, setFrom] = useState(toLocal(first));
  const [to, setTo] = useState(toLocal(last));
  const options = Object.entries(spans).map(([name, { title }]) => ({ value: name, label: title }));
  if (anyTitle !== undefined) options.unshift({ value: '', label: anyTitle });
  return (
    <Stack gap="sm">
      <ChoiceFilter options={options} value={value} onApply={onApply} />
      <Divider />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onApply(from === '' && to === '' ? '' : `${toIso(from)}..${toIso(to)}`);
        }}
      >
        <TextInput
          type="datetime-local"
          label="From"
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
        />
        <TextInput
          type="datetime-local"
          label="To"
          mt="xs"
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="sm">
          <Button type="submit">Apply</Button>
        </Group>
      </form>
    </Stack>
  );
}

/** Formats a time for an input field: without a time zone, in the reader's. */
function toLocal(iso: string): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return '';
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - offsetMs).toISOString().slice(0, 16);
}

function toIso(local: string): string {
  const ms = Date.parse(local);
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
}
