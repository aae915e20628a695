import { Button, CloseButton, Menu, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { MagnifyingGlassIcon, PlusIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { agentsQuery } from '../../data/agents.ts';
import { ChoiceFilter, ChoicesFilter } from '../../ui/filter/choice-filter.tsx';
import { FilterChip } from '../../ui/filter/filter-chip.tsx';
import { RangeFilter } from '../../ui/filter/range-filter.tsx';
import { TextFilter } from '../../ui/filter/text-filter.tsx';
import { TimeFilter } from '../../ui/filter/time-filter.tsx';
import { formatInstant } from '../../ui/format/format.ts';
import { useShortcuts } from '../../ui/shortcuts/use-shortcuts.ts';
import { RUN_STATUSES, RunStatus, toStatusWord } from '../../ui/status/run-status.tsx';
import filterClasses from '../../ui/filter/filter.module.css';
import { RUN_SEARCH_KEYS, splitRange, TIME_SPANS, type RunSearch } from './run-search.ts';

interface FilterBarProps {
  readonly search: RunSearch;
  readonly onChange: (search: RunSearch) => void;
  /** Element at the end of the bar. */
  readonly children?: ReactNode;
}

type Field = Exclude<keyof RunSearch, 'q' | 'status' | 'time'>;

/** Filters that can be added to the permanent ones. */
const FIELDS: Readonly<Record<Field, string>> = {
  agent: 'Agent',
  user: 'User',
  team: 'Team',
  queue: 'Queue',
  error: 'Error code',
  metadata: 'Metadata',
  cost: 'Cost',
  duration: 'Duration',
  session: 'Session',
  schedule: 'Schedule',
  retried: 'Retried',
};

const TRIED: Readonly<Record<string, string>> = { true: 'yes', false: 'not yet' };

/** The filters of the list of runs. The address holds all of them. */
export function FilterBar({ search, onChange, children }: FilterBarProps) {
  const [open, setOpen] = useState<keyof RunSearch | null>(null);
  const set = (key: keyof RunSearch, value: string) => {
    const { [key]: _, ...rest } = search;
    onChange(value === '' ? rest : { ...rest, [key]: value });
  };
  const apply = (key: keyof RunSearch) => (value: string | null) => {
    set(key, value ?? '');
    setOpen(null);
  };
  const chip = (key: keyof RunSearch) => ({
    isOpen: open === key,
    onOpen: (isOpen: boolean) => setOpen(isOpen ? key : null),
    onRemove: () => set(key, ''),
  });
  const statuses = (search.status ?? '').split(',').filter(Boolean);
  const fields = (Object.keys(FIELDS) as Field[]).filter((field) => search[field] !== undefined || open === field);
  const isNarrowed = RUN_SEARCH_KEYS.some((key) => search[key] !== undefined);

  return (
    <div className={filterClasses['bar']} role="search">
      <SearchField value={search.q ?? ''} onChange={(q) => set('q', q)} />
      <FilterChip name="Status" value={statuses.length === 0 ? null : toStatusText(statuses)} {...chip('status')}>
        <ChoicesFilter
          label="Any of"
          options={RUN_STATUSES.map((status) => ({
            value: status,
            label: <RunStatus run={{ status, waitingFor: null }} />,
          }))}
          value={statuses}
          onApply={(value) => set('status', value.join(','))}
        />
      </FilterChip>
      <FilterChip name="Submitted" value={toTimeText(search.time)} {...chip('time')}>
        <TimeFilter spans={TIME_SPANS} anyTitle="Any time" value={search.time ?? ''} onApply={apply('time')} />
      </FilterChip>
      {fields.map((field) => (
        <FilterChip key={field} name={FIELDS[field]} value={toText(field, search[field])} {...chip(field)}>
          <FieldFilter field={field} value={search[field] ?? ''} onApply={apply(field)} />
        </FilterChip>
      ))}
      <Menu>
        <Menu.Target>
          <Button variant="subtle" color="gray" leftSection={<PlusIcon />} h={28} px={8}>
            Filter
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {(Object.keys(FIELDS) as Field[]).map((field) => (
            <Menu.Item key={field} onClick={() => setOpen(field)}>
              {FIELDS[field]}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {isNarrowed && (
        <Button variant="subtle" color="gray" h={28} px={8} onClick={() => onChange({})}>
          Clear
        </Button>
      )}
      <span className={filterClasses['spacer']} />
      {children}
    </div>
  );
}

/** Searches while the user types, a moment after the last key. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const change = useDebouncedCallback(onChange, 300);
  // The address changed in another way, such as by a saved view.
  useEffect(() => setText(value), [value]);
  useShortcuts({ '/': () => input.current?.focus() });
  const type = (next: string) => {
    setText(next);
    change(next.trim());
  };
  return (
    <TextInput
      ref={input}
      className={filterClasses['search']}
      type="search"
      aria-label="Search prompts and results"
      placeholder="Search prompts and results…"
      leftSection={<MagnifyingGlassIcon />}
      rightSection={text === '' ? null : <CloseButton size="xs" aria-label="Clear search" onClick={() => type('')} />}
      value={text}
      maxLength={500}
      onChange={(event) => type(event.currentTarget.value)}
    />
  );
}

interface FieldFilterProps {
  readonly field: Field;
  readonly value: string;
  readonly onApply: (value: string | null) => void;
}

function FieldFilter({ field, value, onApply }: FieldFilterProps) {
  switch (field) {
    case 'agent':
      return <AgentFilter value={value} onApply={onApply} />;
    case 'cost':
      return <RangeFilter unit="USD" value={splitRange(value)} onApply={onApply} />;
    case 'duration':
      return <RangeFilter unit="seconds" value={splitRange(value)} onApply={onApply} />;
    case 'retried':
      return (
        <ChoiceFilter
          options={Object.entries(TRIED).map(([name, label]) => ({ value: name, label }))}
          value={value}
          onApply={onApply}
        />
      );
    case 'metadata':
      return (
        <TextFilter
          label="Metadata"
          placeholder="ticket=17, env=prod"
          hint="Entries as key=value. A run must have all of them."
          value={value}
          onApply={onApply}
        />
      );
    case 'session':
    case 'schedule':
      return <TextFilter label={`${FIELDS[field]}, by its id`} value={value} onApply={onApply} />;
    case 'error':
      return <TextFilter label="Error code" placeholder="run_timeout" value={value} onApply={onApply} />;
    default:
      return <TextFilter label={FIELDS[field]} value={value} onApply={onApply} />;
  }
}

function AgentFilter({ value, onApply }: Omit<FieldFilterProps, 'field'>) {
  const { data = [] } = useQuery(agentsQuery);
  return (
    <ChoiceFilter options={data.map(({ name }) => ({ value: name, label: name }))} value={value} onApply={onApply} />
  );
}

function toStatusText(statuses: readonly string[]): string {
  return statuses
    .map((status) => toStatusWord({ status: status as (typeof RUN_STATUSES)[number], waitingFor: null }))
    .join(', ');
}

function toTimeText(time: string | undefined): string | null {
  if (time === undefined) return null;
  const span = TIME_SPANS[time];
  if (span !== undefined) return span.title.toLowerCase();
  const [from, to] = splitRange(time).map((end) => (end === null ? null : toMinute(Date.parse(end))));
  return from !== null && to !== null ? `${from} – ${to}` : from !== null ? `after ${from}` : `before ${to}`;
}

function toMinute(ms: number): string {
  return Number.isNaN(ms) ? '?' : formatInstant(ms).replace(/:\d\d\.\d+.*$/, '');
}

function toText(field: Field, value: string | undefined): string | null {
  if (value === undefined) return null;
  if (field === 'retried') return TRIED[value] ?? value;
  if (field === 'session' || field === 'schedule') return value.slice(-8);
  if (field !== 'cost' && field !== 'duration') return value;
  const [min, max] = splitRange(value);
  const show = (end: string) => (field === 'cost' ? `$${end}` : `${end} s`);
  return min !== null && max !== null
    ? `${show(min)} – ${show(max)}`
    : min !== null
      ? `≥ ${show(min)}`
      : `≤ ${show(max ?? '')}`;
}
