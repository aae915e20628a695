import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, type ReactNode, type Ref } from 'react';
import classes from './virtual-list.module.css';

export interface VirtualListHandle {
  readonly scrollTo: (index: number) => void;
  readonly scrollToEnd: () => void;
}

interface VirtualListProps {
  /** Label for screen readers. */
  readonly label: string;
  readonly count: number;
  readonly toKey: (index: number) => string;
  readonly render: (index: number) => ReactNode;
  readonly estimateHeight: number;
  /** Set when the list follows new entries at its end until the reader scrolls up. */
  readonly isFollowing?: boolean;
  /** Called when the reader reaches or leaves the end. */
  readonly onEnd?: (isAtEnd: boolean) => void;
  readonly handle?: Ref<VirtualListHandle>;
}

/** Distance from the end, in pixels, that counts as the end. */
const END = 48;

/** A list of entries of any height. It draws only visible entries and scrolls itself. */
export function VirtualList(props: VirtualListProps) {
  const { label, count, toKey, render, estimateHeight, isFollowing = false, onEnd, handle } = props;
  const scroll = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(isFollowing);
  const lastTop = useRef(0);
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroll.current,
    estimateSize: () => estimateHeight,
    getItemKey: toKey,
    overscan: 6,
  });

  const scrollToEnd = () => {
    const element = scroll.current;
    if (element === null) return;
    isAtEnd.current = true;
    element.scrollTop = element.scrollHeight;
  };
  useImperativeHandle(handle, () => ({
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: 'start' }),
    scrollToEnd,
  }));

  // Entries also grow later: while text streams in, and after they are measured.
  useLayoutEffect(() => {
    if (!isFollowing || content.current === null) return undefined;
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) scrollToEnd();
    });
    observer.observe(content.current);
    return () => observer.disconnect();
  }, [isFollowing]);

  useEffect(() => {
    if (isFollowing && isAtEnd.current) scrollToEnd();
  }, [isFollowing, count]);

  return (
    <div
      ref={scroll}
      className={classes['scroll']}
      tabIndex={0}
      role="region"
      aria-label={label}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        const isNear = scrollHeight - scrollTop - clientHeight < END;
        // Growing content also moves the end away; only scrolling up counts as leaving it.
        const next = isNear || (isAtEnd.current && isFollowing && scrollTop >= lastTop.current);
        lastTop.current = scrollTop;
        if (next !== isAtEnd.current) {
          isAtEnd.current = next;
          onEnd?.(next);
        }
      }}
    >
      <div ref={content} className={classes['content']} style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ key, index, start }) => (
          <div
            key={key}
            ref={virtualizer.measureElement}
            data-index={index}
            className={classes['item']}
            style={{ transform: `translateY(${start}px)` }}
          >
            {render(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
