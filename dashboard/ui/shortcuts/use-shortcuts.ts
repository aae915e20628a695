import { useEffect, useRef } from 'react';

/** Actions by key: one key such as `?`, or a sequence of two such as `g r`. */
export type Shortcuts = Readonly<Record<string, () => void>>;

/** Time to press the second key of a sequence. */
const SEQUENCE_MS = 1_200;

/** Listens for shortcuts, except while the user types or a dialog is open. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const current = useRef(shortcuts);
  useEffect(() => {
    current.current = shortcuts;
  });

  useEffect(() => {
    let first: { key: string; at: number } | null = null;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
      const isSecond = first !== null && event.timeStamp - first.at < SEQUENCE_MS;
      const does = (isSecond ? current.current[`${first!.key} ${event.key}`] : undefined) ?? current.current[event.key];
      first = isSecond ? null : { key: event.key, at: event.timeStamp };
      if (does === undefined) return;
      first = null;
      event.preventDefault();
      does();
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
}

function isTaken(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.closest('input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]') !== null
  );
}
