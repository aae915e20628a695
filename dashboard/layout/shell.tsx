import { ActionIcon, Burger, Loader } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { MagnifyingGlassIcon } from '@radix-ui/react-icons';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useIsConnected } from '../data/connection.ts';
import { useLiveUpdates } from '../data/live.ts';
import { Logo } from '../ui/logo.tsx';
import { Dialogs } from './dialogs.tsx';
import { Navigation } from './navigation.tsx';
import { openPalette } from './open-dialog.ts';
import classes from './shell.module.css';

const PhoneMenu = lazy(async () => ({ default: (await import('./phone-menu.tsx')).PhoneMenu }));

/** The frame of every page: navigation, palette, shortcuts. */
export function Shell() {
  useLiveUpdates();
  const [isMenuOpen, menu] = useDisclosure(false);
  const [isMenuWanted, setIsMenuWanted] = useState(false);
  if (isMenuOpen && !isMenuWanted) setIsMenuWanted(true);
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
      <Suspense fallback={null}>{isMenuWanted && <PhoneMenu isOpen={isMenuOpen} onClose={menu.close} />}</Suspense>
      <main id="content" className={classes['main']} tabIndex={-1}>
        <Outlet />
      </main>
      <Dialogs />
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
