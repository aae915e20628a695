import { Button, Group, Text, TextInput } from '@mantine/core';
import { useState } from 'react';

interface TextFilterProps {
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string;
  readonly value: string;
  /** Called with the empty text to remove the filter. */
  readonly onApply: (value: string) => void;
}

export function TextFilter({ label, hint, placeholder, value, onApply }: TextFilterProps) {
  const [text, setText] = useState(value);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onApply(text.trim());
      }}
    >
      <TextInput
        label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        data-autofocus
      />
      {hint !== undefined && (
        <Text size="xs" c="dimmed" mt={6}>
          {hint}
        </Text>
      )}
      <Group justify="flex-end" mt="sm">
        <Button type="submit">Apply</Button>
      </Group>
    </form>
  );
}
