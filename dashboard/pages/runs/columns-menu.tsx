import { Button, Checkbox, Popover, Stack } from '@mantine/core';
import { MixerHorizontalIcon } from '@radix-ui/react-icons';

interface ColumnsMenuProps {
  readonly columns: readonly { readonly id: string; readonly title: string }[];
  /** Columns that cannot be hidden. */
  readonly fixed: readonly string[];
  readonly hidden: readonly string[];
  readonly onChange: (hidden: readonly string[]) => void;
}

export function ColumnsMenu({ columns, fixed, hidden, onChange }: ColumnsMenuProps) {
  const free = columns.filter(({ id }) => !fixed.includes(id));
  return (
    <Popover position="bottom-end" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" h={28} px={10} leftSection={<MixerHorizontalIcon />} visibleFrom="sm">
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Checkbox.Group
          label="Columns"
          value={free.map(({ id }) => id).filter((id) => !hidden.includes(id))}
          onChange={(shown) => onChange(free.map(({ id }) => id).filter((id) => !shown.includes(id)))}
        >
          <Stack gap={8} mt={8}>
            {free.map(({ id, title }) => (
              <Checkbox key={id} value={id} label={title} />
            ))}
          </Stack>
        </Checkbox.Group>
      </Popover.Dropdown>
    </Popover>
  );
}
