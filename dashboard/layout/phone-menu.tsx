import { Drawer } from '@mantine/core';
import { Navigation } from './navigation.tsx';

interface PhoneMenuProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** The navigation on a narrow screen. */
export function PhoneMenu({ isOpen, onClose }: PhoneMenuProps) {
  return (
    <Drawer opened={isOpen} onClose={onClose} size={280} title="Longhaul" padding={0}>
      <Navigation />
    </Drawer>
  );
}
