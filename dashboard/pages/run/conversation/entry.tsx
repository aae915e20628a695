import { UnstyledButton } from '@mantine/core';
import { ChevronDownIcon, ChevronRightIcon } from '@radix-ui/react-icons';
import { memo, type CSSProperties } from 'react';
import { Markdown } from '../../../ui/text/markdown.tsx';
import { LongText } from '../../../ui/text/long-text.tsx';
import { toVisible } from '../../../ui/text/to-visible.ts';
import type { LogItem } from '../log/run-log.ts';
import { MarkEntry } from './mark-entry.tsx';
import { ToolEntry } from './tool-entry.tsx';
import classes from './conversation.module.css';

interface EntryProps {
  readonly item: LogItem;
  /** Increases with each change of the item, which stays the same object. */
  readonly version: number;
  readonly depth: number;
  readonly isOpen: boolean;
  readonly onToggle: (key: string) => void;
  readonly isOver: boolean;
}

/** An entry of the conversation. */
export const Entry = memo(function Entry({ item, depth, isOpen, onToggle, isOver }: EntryProps) {
  const toggle = () => onToggle(item.key);
  return (
    <div className={classes['entry']} data-kind={item.kind} style={{ '--depth': Math.min(depth, 6) } as CSSProperties}>
      {item.kind === 'text' && (
        <div className={classes['text']} data-streaming={item.isStreaming || undefined}>
          <Markdown text={item.text} />
          {item.isPartial && <p className={classes['quiet']}>The answer ended here: it was never finished.</p>}
        </div>
      )}
      {item.kind === 'thinking' && (
        <div className={classes['thinking']}>
          <UnstyledButton className={classes['toolHead']} aria-expanded={isOpen} onClick={toggle}>
            {isOpen ? <ChevronDownIcon /> : <ChevronRightIcon />}
            <span className={classes['thinkingTitle']}>Thinking</span>
            {!isOpen && <bdi className={classes['toolInput']}>{toVisible(item.text.slice(0, 200))}</bdi>}
          </UnstyledButton>
          {isOpen && (
            <div className={classes['toolBody']}>
              <LongText text={item.text} isPlain />
            </div>
          )}
        </div>
      )}
      {item.kind === 'tool' && <ToolEntry item={item} isOpen={isOpen} onToggle={toggle} isOver={isOver} />}
      {item.kind === 'mark' && <MarkEntry item={item} isOver={isOver} />}
    </div>
  );
});
