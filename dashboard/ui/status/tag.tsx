import type { ReactNode } from 'react';
import type { Tone } from './tone.ts';
import classes from './tag.module.css';

interface TagProps {
  readonly tone: Tone;
  readonly children: ReactNode;
  readonly title?: string;
}

/** A short label on a coloured background. */
export function Tag({ tone, children, title }: TagProps) {
  return (
    <span className={classes['tag']} data-tone={tone} title={title}>
      {children}
    </span>
  );
}

interface StatusProps {
  readonly tone: Tone;
  readonly children: ReactNode;
  /** Set when it is in progress: the dot pulses. */
  readonly isLive?: boolean;
}

/** A status as a coloured dot and a word, for lists. */
export function Status({ tone, children, isLive = false }: StatusProps) {
  return (
    <span className={classes['status']} data-tone={tone}>
      <span className={classes['dot']} data-live={isLive || undefined} aria-hidden />
      {children}
    </span>
  );
}
