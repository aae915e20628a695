import { Kbd, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { useRights } from '../data/signed-in.ts';
import { PAGES } from './pages.tsx';
import classes from './shortcut-sheet.module.css';

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

interface ShortcutSheetProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Lists all shortcuts. */
export function ShortcutSheet({ isOpen, onClose }: ShortcutSheetProps) {
  const rights = useRights();
  const pages = PAGES.filter(({ isFor }) => isFor(rights));

  return (
    <Modal opened={isOpen} onClose={onClose} title="Shortcuts" size="lg">
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
