import { diffLines } from 'diff';
import { useMemo } from 'react';
import { LongText } from '../text/long-text.tsx';
import { toVisible } from '../text/to-visible.ts';
import classes from './diff-view.module.css';

interface DiffViewProps {
  readonly before: string;
  readonly after: string;
}

/** Limits the comparison, because its time grows faster than the texts. */
const LONGEST = 40_000;
const MOST_LINES = 400;
/** Unchanged lines to show around a change. */
const AROUND = 3;

interface Line {
  readonly sign: '+' | '-' | ' ' | '…';
  readonly text: string;
}

/** Shows the changes of an edit, line by line. */
export function DiffView({ before, after }: DiffViewProps) {
  const lines = useMemo(
    () => (before.length + after.length > LONGEST ? null : toLines(before, after)),
    [before, after],
  );
  if (lines === null) return <LongText text={after} />;
  return (
    <div className={classes['diff']} tabIndex={0} role="group" aria-label="Changes">
      {lines.slice(0, MOST_LINES).map(({ sign, text }, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- the lines of one edit never move
        <div key={index} className={classes['line']} data-sign={sign}>
          <span className={classes['sign']} aria-hidden={sign === ' '}>
            {sign}
          </span>
          <span>{text === '' ? ' ' : text}</span>
        </div>
      ))}
      {lines.length > MOST_LINES && <div className={classes['line']}>… {lines.length - MOST_LINES} more lines</div>}
    </div>
  );
}

function toLines(before: string, after: string): Line[] | null {
  const parts = diffLines(toVisible(before), toVisible(after), { timeout: 200 });
  if (parts === undefined) return null;
  return parts.flatMap(({ value, added, removed }, index) => {
    const texts = value.replace(/\n$/, '').split('\n');
    if (added || removed) return texts.map((text): Line => ({ sign: added ? '+' : '-', text }));
    const isFirst = index === 0;
    const isLast = index === parts.length - 1;
    const kept = texts.map((text): Line => ({ sign: ' ', text }));
    const head = isFirst ? [] : kept.slice(0, AROUND);
    const tail = isLast ? [] : kept.slice(Math.max(head.length, kept.length - AROUND));
    const gap: Line[] = head.length + tail.length < kept.length ? [{ sign: '…', text: '' }] : [];
    return [...head, ...gap, ...tail];
  });
}
