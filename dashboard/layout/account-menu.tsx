import { Menu, UnstyledButton, useMantineColorScheme, VisuallyHidden } from '@mantine/core';
import {
  CaretSortIcon,
  CheckIcon,
  DesktopIcon,
  ExitIcon,
  KeyboardIcon,
  MoonIcon,
  PersonIcon,
  ReaderIcon,
  SunIcon,
} from '@radix-ui/react-icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { SignedInResource } from 'longhaul/client';
import { API_PATH } from '../app/environment.ts';
import { client } from '../data/client.ts';
import { signedInQuery, useSignedIn } from '../data/signed-in.ts';
import { openShortcutSheet } from './open-dialog.ts';
import classes from './navigation.module.css';

const SCHEMES = [
  { value: 'light', title: 'Light', icon: <SunIcon /> },
  { value: 'dark', title: 'Dark', icon: <MoonIcon /> },
  { value: 'auto', title: 'As the system', icon: <DesktopIcon /> },
] as const;

/** Shows the signed-in key, with the colour scheme, the shortcuts and the sign-out. */
export function AccountMenu() {
  const signedIn = useSignedIn();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const queries = useQueryClient();
  const signOut = useMutation({
    mutationFn: () => client.signOut(),
    onSettled: () => queries.setQueryData(signedInQuery.queryKey, null),
  });

  return (
    <Menu position="top-start" width={200}>
      <Menu.Target>
        <UnstyledButton className={classes['accountButton']}>
          <PersonIcon />
          <span>
            <span className={classes['accountName']}>{signedIn.name}</span>
            <span className={classes['accountRights']}>{describe(signedIn)}</span>
          </span>
          <CaretSortIcon />
          <VisuallyHidden>Account and colours</VisuallyHidden>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Colours</Menu.Label>
        {SCHEMES.map(({ value, title, icon }) => (
          <Menu.Item
            key={value}
            leftSection={icon}
            rightSection={colorScheme === value ? <CheckIcon aria-label="chosen" /> : null}
            onClick={() => setColorScheme(value)}
          >
            {title}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<KeyboardIcon />} onClick={openShortcutSheet}>
          Shortcuts
        </Menu.Item>
        <Menu.Item
          leftSection={<ReaderIcon />}
          component="a"
          href={`${API_PATH}/docs`}
          target="_blank"
          rel="noreferrer"
        >
          HTTP API
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<ExitIcon />} onClick={() => signOut.mutate()}>
          Sign out
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>Longhaul {signedIn.version}</Menu.Label>
      </Menu.Dropdown>
    </Menu>
  );
}

function describe({ scopes, user, team }: SignedInResource): string {
  const bound = [user, team].filter((part) => part !== null);
  const rights = scopes.includes('admin') ? 'operator' : scopes.join(', ');
  return bound.length === 0 ? rights : `${bound.join(', ')}: ${rights}`;
}
