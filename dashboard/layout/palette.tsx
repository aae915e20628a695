import { useMantineColorScheme } from '@mantine/core';
import { Spotlight, spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { ActivityLogIcon, KeyboardIcon, MagnifyingGlassIcon, MoonIcon, SunIcon } from '@radix-ui/react-icons';
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useRights } from '../data/signed-in.ts';
import { openShortcutSheet } from './open-dialog.ts';
import { PAGES } from './pages.tsx';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

interface PaletteProps {
  /** Number of requests to open it; it opens when the number grows. */
  readonly requests: number;
  readonly query: string;
  readonly onQuery: (query: string) => void;
  /** Called when its field has the focus. Returns whether the user has pressed Enter before. */
  readonly onShown: () => boolean;
}

/** Finds pages and commands by a part of their name, and runs by id or by words. */
export function Palette({ requests, query, onQuery, onShown }: PaletteProps) {
  const rights = useRights();
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const typed = query.trim();
  useEffect(() => spotlight.open(), [requests]);

  const groups: SpotlightActionGroupData[] = [
    {
      group: 'Pages',
      actions: PAGES.filter(({ isFor }) => isFor(rights)).map(({ path, title, icon: Icon, key }) => ({
        id: path,
        label: title,
        leftSection: <Icon />,
        rightSection: <kbd className="mono">g {key}</kbd>,
        onClick: () => void navigate({ to: path }),
      })),
    },
    {
      group: 'Commands',
      actions: [
        {
          id: 'colours',
          label: colorScheme === 'dark' ? 'Light colours' : 'Dark colours',
          keywords: ['theme', 'mode', 'scheme'],
          leftSection: colorScheme === 'dark' ? <SunIcon /> : <MoonIcon />,
          onClick: () => setColorScheme(colorScheme === 'dark' ? 'light' : 'dark'),
        },
        {
          id: 'shortcuts',
          label: 'Shortcuts',
          keywords: ['keyboard', 'help'],
          leftSection: <KeyboardIcon />,
          onClick: openShortcutSheet,
        },
      ],
    },
  ];
  if (typed !== '' && rights.mayRead) {
    const search = ID.test(typed)
      ? {
          id: 'run',
          label: `Open run ${typed}`,
          leftSection: <ActivityLogIcon />,
          onClick: () => void navigate({ to: '/runs/$runId', params: { runId: typed.toLowerCase() } }),
        }
      : {
          id: 'search',
          label: `Search runs for “${typed}”`,
          leftSection: <MagnifyingGlassIcon />,
          onClick: () => void navigate({ to: '/runs', search: { q: typed } }),
        };
    groups.push({ group: 'Runs', actions: [{ ...search, keywords: [typed] }] });
  }

  return (
    <Spotlight
      actions={groups}
      query={query}
      onQueryChange={onQuery}
      onSpotlightClose={() => onQuery('')}
      nothingFound="Nothing is called that."
      shortcut={null}
      highlightQuery
      scrollable
      maxHeight={420}
      searchProps={{
        leftSection: <MagnifyingGlassIcon />,
        placeholder: 'Go to a page, or search runs…',
        'aria-label': 'Go to a page, or search runs',
        onFocus: ({ currentTarget }) => {
          currentTarget.setSelectionRange(query.length, query.length);
          if (onShown()) pickFirst(currentTarget);
        },
        onKeyDown: (event) => {
          if (event.key === 'Enter' && typed !== '' && !event.nativeEvent.isComposing) pickFirst(event.currentTarget);
        },
      }}
    />
  );
}

/**
 * Picks the first action if none is selected. The library selects one when the text changes, and so none for a text that
 * was typed before the palette was loaded.
 */
function pickFirst(input: HTMLElement): void {
  const dialog = input.closest('[role=dialog]');
  if (dialog === null || dialog.querySelector('[data-selected]') !== null) return;
  dialog.querySelector<HTMLElement>('[data-action]')?.click();
}
