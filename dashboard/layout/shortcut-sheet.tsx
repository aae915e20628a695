import { Kbd, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, type ReactNode } from 'react';
import { useRights } from '../data/signed-in.ts';
import { PAGES } from './pages.tsx';
import { useShortcuts } from '../ui/shortcuts/use-shortcuts.ts';
import classes from './shortcut-sheet.module.css';

const OPEN = 'longhaul:shortcuts';

export function openShortcutSheet(): void {
  dispatchEvent(new Event(OPEN));
}

const LISTS: readonly (readonly [keys: string, does: string])[] = [
  ['j k', 'Next, previous'],
  ['Enter', 'Open'],
  ['x', 'Select'],
  ['/', 'Search'],
];

const DECISIONS: readonly (readonly [keys: string, does: string])[] = [
  ['y', 'Allow'],
  ['n', 'Deny'],
];

/** Lists all shortcuts at `?`, and handles the shortcuts that open pages. */
export function ShortcutSheet() {
  const [isOpen, sheet] = useDisclosure(false);
  const navigate = useNavigate();
  const rights = useRights();
  const pages = PAGES.filter(({ isFor }) => isFor(rights));

  useEffect(() => {
    addEventListener(OPEN, sheet.open);
    return () => removeEventListener(OPEN, sheet.open);
  }, [sheet.open]);

  useShortcuts({
    '?': sheet.toggle,
    ...Object.fromEntries(pages.map(({ key, path }) => [`g ${key}`, () => void navigate({ to: path })])),
  });

  return (
    <Modal opened={isOpen} onClose={sheet.close} title="Shortcuts" size="lg">
      <div className={classes['columns']}>
        <Group title="Go to" shortcuts={pages.map(({ key, title }) => [`g ${key}`, title] as const)} />
        <div>
          <Group
            title="Anywhere"
            shortcuts={[
              ['Ctrl K', 'Search and commands'],
              ['?', 'This sheet'],
              ['Esc', 'Close'],
            ]}
          />
          <Group title="In lists" shortcuts={LISTS} />
          {rights.mayApprove && <Group title="On an approval" shortcuts={DECISIONS} />}
        </div>
      </div>
    </Modal>
  );
}

function Group({ title, shortcuts }: { title: string; shortcuts: readonly (readonly [string, string])[] }): ReactNode {
  return (
    <section className={classes['group']}>
      <h3>{title}</h3>
      <dl>
        {shortcuts.map(([keys, does]) => (
          <div key={keys}>
            <dt>{does}</dt>
            <dd>
              {keys.split(' ').map((key) => (
                <Kbd key={key} size="xs">
                  {key}
                </Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
