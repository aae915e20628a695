import { useMemo } from 'react';
import { LongText } from '../text/long-text.tsx';

/** Shows a JSON value, indented. */
export function JsonView({ value, first = 4_000 }: { readonly value: unknown; readonly first?: number }) {
  const text = useMemo(() => toJsonText(value), [value]);
  return <LongText text={text} first={first} />;
}

export function toJsonText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? 'null');
}
