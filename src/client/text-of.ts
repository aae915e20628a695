import type { LonghaulEvent } from './events.ts';

type TextEvent = Pick<LonghaulEvent, 'type' | 'data'>;

/** Assembles the text of an agent from its events as they arrive. */
export interface TextReader {
  /** Takes the next event, of any type. Returns whether the text has changed. */
  push(event: TextEvent): boolean;
  /** The text so far, with a paragraph for each block; an interrupted block is joined with its continuation. */
  readonly text: string;
}

interface Block {
  readonly text: string;
  readonly isWhole: boolean;
  readonly isContinuation: boolean;
}

/**
 * Creates a reader of a run's text. Pieces are joined; `agent.text`, the whole block, replaces its pieces, and
 * `agent.text.abandoned` removes a block. Text of subagents is left out, and so is unfinished text of an interrupted
 * attempt.
 */
export function createTextReader(): TextReader {
  /** By block, in the order of their beginning. */
  const blocks = new Map<string, Block>();
  let joined: string | null = '';

  return {
    push(event) {
      if (event.type === 'run.retrying' || event.type === 'run.started') {
        const unfinished = [...blocks].filter(([, { isWhole }]) => !isWhole);
        for (const [blockId] of unfinished) blocks.delete(blockId);
        if (unfinished.length > 0) joined = null;
        return unfinished.length > 0;
      }
      if (event.type === 'agent.text.abandoned') {
        const { blockId } = event.data as LonghaulEvent<'agent.text.abandoned'>['data'];
        const isShown = blocks.delete(blockId);
        if (isShown) joined = null;
        return isShown;
      }
      if (event.type !== 'agent.text' && event.type !== 'agent.text.delta') return false;
      const data = event.data as LonghaulEvent<'agent.text'>['data'];
      if (data.parentToolUseId !== undefined) return false;
      const isReplaced = event.type === 'agent.text';
      const known = blocks.get(data.blockId);
      blocks.set(data.blockId, {
        text: isReplaced ? data.text : `${known?.text ?? ''}${data.text}`,
        isWhole: isReplaced && data.isPartial !== true,
        isContinuation: data.isContinuation === true,
      });
      joined = null;
      return true;
    },
    get text() {
      return (joined ??= join([...blocks.values()]));
    },
  };
}

function join(blocks: readonly Block[]): string {
  return blocks
    .map(({ text, isContinuation }, place) => (place === 0 || isContinuation ? text : `\n\n${text}`))
    .join('');
}

/** Returns the text of the agent in these events, in order: see `createTextReader`. */
export function textOf(events: Iterable<TextEvent>): string {
  const reader = createTextReader();
  for (const event of events) reader.push(event);
  return reader.text;
}
