import type { ReactNode } from 'react';
import type { Tone } from './tone.ts';
import classes from './tag.module.css';

interface TagProps {
  readonly tone: Tone;
  readonly children: ReactNode;
  readonly title?: string;
}

/** A word or two about something, on a coloured ground. */
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
  /** It is under way: its dot breathes. */
  readonly isLive?: boolean;
}

/** How something stands: a coloured dot and a word, for lists. */
export function Status({ tone, children, isLive = false }: StatusProps) {
  return (
    <span className={classes['status']} data-tone={tone}>
      <span className={classes['dot']} data-live={isLive || undefined} aria-hidden />
      {children}
    </span>
  );
}
