import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { formatCount } from '../format/format.ts';
import { toVisible } from './to-visible.ts';
import classes from './text.module.css';

interface LongTextProps {
  readonly text: string;
  /** Number of characters to draw first. */
  readonly first?: number;
  readonly isPlain?: boolean;
}

const MORE = 50_000;

/** An unformatted text of any length: its beginning, and more on request. */
export function LongText({ text, first = 4_000, isPlain = false }: LongTextProps) {
  const [shown, setShown] = useState(first);
  const visible = useMemo(() => toVisible(text.slice(0, shown)), [text, shown]);
  const rest = text.length - shown;
  return (
    <div className={classes['long']}>
      <pre className={isPlain ? classes['plain'] : classes['pre']} tabIndex={-1}>
        {visible}
        {rest > 0 && '…'}
      </pre>
      {rest > 0 && (
        <Button size="compact-xs" variant="default" onClick={() => setShown(shown + MORE)}>
          Show {rest > MORE ? `${formatCount(MORE)} more of ${formatCount(rest)}` : `the other ${formatCount(rest)}`}{' '}
          characters
        </Button>
      )}
    </div>
  );
}
