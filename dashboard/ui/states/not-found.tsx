import { Button } from '@mantine/core';
import { MagnifyingGlassIcon } from '@radix-ui/react-icons';
import { Link } from '@tanstack/react-router';
import { State } from './state.tsx';

export function NotFound() {
  return (
    <State
      icon={<MagnifyingGlassIcon />}
      title="There is no such page"
      actions={
        <Button variant="default" component={Link} to="/">
          To the overview
        </Button>
      }
    >
      The address may have been cut, or the page was moved.
    </State>
  );
}
