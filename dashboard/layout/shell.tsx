import { ActionIcon, Burger, Drawer, Loader } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { MagnifyingGlassIcon } from '@radix-ui/react-icons';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useIsConnected } from '../data/connection.ts';
import { useLiveUpdates } from '../data/live.ts';
import { Logo } from '../ui/logo.tsx';
import { Navigation } from './navigation.tsx';
import { openPalette, Palette } from './palette.tsx';
import { ShortcutSheet } from './shortcut-sheet.tsx';
import classes from './shell.module.css';

/** The frame of every page: navigation, palette, shortcuts. */
export function Shell() {
  useLiveUpdates();
  const [isMenuOpen, menu] = useDisclosure(false);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  useEffect(menu.close, [path, menu.close]);

  return (
    <div className={classes['shell']}>
      <a className="skip" href="#content">
        To the content
      </a>
      <aside className={classes['side']}>
        <div className={classes['top']}>
          <Link to="/" className={classes['brand']}>
            <Logo size={20} /> Longhaul
          </Link>
          <ActionIcon onClick={openPalette} aria-label="Search and commands" title="Search and commands (Ctrl K)">
            <MagnifyingGlassIcon />
          </ActionIcon>
        </div>
        <Navigation />
      </aside>
      <div className={classes['phoneBar']}>
        <div>
          <Burger opened={isMenuOpen} onClick={menu.toggle} size="sm" aria-label="Pages" />
          <Link to="/" className={classes['brand']}>
            <Logo size={20} /> Longhaul
          </Link>
        </div>
        <ActionIcon onClick={openPalette} size="lg" aria-label="Search and commands">
          <MagnifyingGlassIcon />
        </ActionIcon>
      </div>
      <Drawer opened={isMenuOpen} onClose={menu.close} size={280} title="Longhaul" padding={0}>
        <Navigation />
      </Drawer>
      <main id="content" className={classes['main']} tabIndex={-1}>
        <Outlet />
      </main>
      <Palette />
      <ShortcutSheet />
      <Offline />
    </div>
  );
}

function Offline() {
  const isConnected = useIsConnected();
  if (isConnected) return null;
  return (
    <div className={classes['offline']} role="status">
      <Loader size={14} color="gray" />
      No connection to the server. What you see may be old.
    </div>
  );
}
