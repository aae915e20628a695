import { ActionIcon, Button, Group, Menu, TextInput } from '@mantine/core';
import { readLocalStorageValue, useLocalStorage } from '@mantine/hooks';
import { BookmarkIcon, TrashIcon } from '@radix-ui/react-icons';
import { useState } from 'react';
import { stringifySearch } from '../../app/search.ts';
import type { RunSearch } from './run-search.ts';

interface View {
  readonly name: string;
  readonly search: RunSearch;
}

/** The most common filters of operators. */
const BUILT_IN: readonly View[] = [
  { name: 'Unfinished', search: { status: 'queued,running,waiting' } },
  { name: 'Failed in 24 hours, not retried', search: { status: 'failed', time: '24h', retried: 'false' } },
  { name: 'Cost over $1', search: { cost: '1..' } },
  { name: 'Longer than a minute', search: { duration: '60..' } },
];

const KEY = 'longhaul-run-views';

interface ViewsMenuProps {
  readonly search: RunSearch;
  readonly onChoose: (search: RunSearch) => void;
}

/** Saved filters: a few built-in ones, and those saved in this browser. */
export function ViewsMenu({ search, onChoose }: ViewsMenuProps) {
  const [views, setViews] = useLocalStorage<readonly View[]>({
    key: KEY,
    defaultValue: readLocalStorageValue<readonly View[]>({ key: KEY, defaultValue: [] }),
  });
  const [name, setName] = useState('');
  const current = stringifySearch({ ...search });
  const isCurrent = (view: View) => stringifySearch({ ...view.search }) === current;

  return (
    <Menu position="bottom-end" width={280} closeOnItemClick={false}>
      <Menu.Target>
        <Button variant="default" h={28} px={10} leftSection={<BookmarkIcon />}>
          Views
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Views</Menu.Label>
        {BUILT_IN.map((view) => (
          <Menu.Item key={view.name} fw={isCurrent(view) ? 600 : undefined} onClick={() => onChoose(view.search)}>
            {view.name}
          </Menu.Item>
        ))}
        {views.length > 0 && <Menu.Label>Yours</Menu.Label>}
        {views.map((view) => (
          <Group key={view.name} gap={4} wrap="nowrap">
            <Menu.Item flex={1} fw={isCurrent(view) ? 600 : undefined} onClick={() => onChoose(view.search)}>
              {view.name}
            </Menu.Item>
            <ActionIcon
              size="sm"
              aria-label={`Remove the view ${view.name}`}
              onClick={() => setViews(views.filter((one) => one !== view))}
            >
              <TrashIcon />
            </ActionIcon>
          </Group>
        ))}
        <Menu.Divider />
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const trimmed = name.trim();
            if (trimmed === '' || current === '') return;
            setViews([...views.filter((view) => view.name !== trimmed), { name: trimmed, search }]);
            setName('');
          }}
        >
          <Group gap={6} p={6} wrap="nowrap">
            <TextInput
              flex={1}
              aria-label="Name of the view"
              placeholder={current === '' ? 'Filter first, then save' : 'Save as…'}
              disabled={current === ''}
              value={name}
              maxLength={60}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button type="submit" disabled={current === '' || name.trim() === ''}>
              Save
            </Button>
          </Group>
        </form>
      </Menu.Dropdown>
    </Menu>
  );
}
