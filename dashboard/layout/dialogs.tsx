import { VisuallyHidden } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { flushSync } from 'react-dom';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useRights } from '../data/signed-in.ts';
import { useShortcuts } from '../ui/shortcuts/use-shortcuts.ts';
import { OPEN_PALETTE, OPEN_SHORTCUT_SHEET, openPalette } from './open-dialog.ts';
import { PAGES } from './pages.tsx';

const loadPalette = () => import('./palette.tsx');
const loadShortcutSheet = () => import('./shortcut-sheet.tsx');
const Palette = lazy(async () => ({ default: (await loadPalette()).Palette }));
const ShortcutSheet = lazy(async () => ({ default: (await loadShortcutSheet()).ShortcutSheet }));

/**
 * Opens the palette and the shortcut sheet, and handles the shortcuts that open pages. The two dialogs are loaded after
 * the page, so that it shows sooner.
 */
export function Dialogs() {
  const [paletteRequests, setPaletteRequests] = useState(0);
  const [query, setQuery] = useState('');
  const [isPaletteShown, setIsPaletteShown] = useState(false);
  const isEntered = useRef(false);
  const [isSheetWanted, setIsSheetWanted] = useState(false);
  const [isSheetOpen, setIsSheetOpen] = useState(false);
  const navigate = useNavigate();
  const rights = useRights();
  const pages = PAGES.filter(({ isFor }) => isFor(rights));

  useEffect(() => {
    // At once: the next key may already be for its field.
    const onPalette = () => flushSync(() => setPaletteRequests((count) => count + 1));
    const onSheet = () => {
      setIsSheetWanted(true);
      setIsSheetOpen(true);
    };
    addEventListener(OPEN_PALETTE, onPalette);
    addEventListener(OPEN_SHORTCUT_SHEET, onSheet);
    return () => {
      removeEventListener(OPEN_PALETTE, onPalette);
      removeEventListener(OPEN_SHORTCUT_SHEET, onSheet);
    };
  }, []);
  useLoadWhenIdle();

  useHotkeys(
    [
      ['mod+K', openPalette],
      ['mod+P', openPalette],
    ],
    [],
  );
  useShortcuts({
    '?': () => dispatchEvent(new Event(OPEN_SHORTCUT_SHEET)),
    ...Object.fromEntries(pages.map(({ key, path }) => [`g ${key}`, () => void navigate({ to: path })])),
  });

  return (
    <>
      {paletteRequests > 0 && !isPaletteShown && (
        <EarlyInput query={query} onQuery={setQuery} onEnter={() => (isEntered.current = true)} />
      )}
      <Suspense fallback={null}>
        {paletteRequests > 0 && (
          <Palette
            requests={paletteRequests}
            query={query}
            onQuery={setQuery}
            onShown={() => {
              setIsPaletteShown(true);
              return isEntered.current && !isPaletteShown;
            }}
          />
        )}
        {isSheetWanted && <ShortcutSheet isOpen={isSheetOpen} onClose={() => setIsSheetOpen(false)} />}
      </Suspense>
    </>
  );
}

interface EarlyInputProps {
  readonly query: string;
  readonly onQuery: (query: string) => void;
  readonly onEnter: () => void;
}

/**
 * Takes what is typed from opening the palette for the first time until its own field has the focus. Without it, the keys
 * would be lost, or be shortcuts.
 */
function EarlyInput({ query, onQuery, onEnter }: EarlyInputProps) {
  return (
    <VisuallyHidden>
      <input
        autoFocus
        aria-label="Search"
        value={query}
        onChange={(event) => onQuery(event.currentTarget.value)}
        onKeyDown={({ key }) => {
          if (key === 'Enter') onEnter();
        }}
      />
    </VisuallyHidden>
  );
}

/** Loads the dialogs when the browser has nothing else to do: a person who opens one should not wait. */
function useLoadWhenIdle(): void {
  useEffect(() => {
    const load = () => void Promise.all([loadPalette(), loadShortcutSheet()]).catch(() => null);
    // Safari has no idle callback.
    const timer = setTimeout(() => ('requestIdleCallback' in globalThis ? requestIdleCallback(load) : load()), 1_500);
    return () => clearTimeout(timer);
  }, []);
}
