import type { LonghaulEvent } from './events.ts';

type TextEvent = Pick<LonghaulEvent, 'type' | 'data'>;

/** Puts together what an agent says, from its events as they come. */
export interface TextReader {
  /** Takes the next event, of whatever type. Returns whether the text is another now. */
  push(event: TextEvent): boolean;
  /** All it has said by now, a block of text to a paragraph; one that was cut off is joined with what continues it. */
  readonly text: string;
}

interface Block {
  readonly text: string;
  readonly isWhole: boolean;
  readonly isContinuation: boolean;
}

/**
 * Makes a reader of a run's text. Pieces are joined, `agent.text`, the whole block, replaces those before it, and
 * `agent.text.abandoned` takes a block away. What sub-agents say among themselves is left out; so is what an attempt had
 * begun to say when it was cut off.
 */
export function createTextReader(): TextReader {
  /** By block, in the order in which they began. */
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

/** What the agent has said in these events, in order: see `createTextReader`. */
export function textOf(events: Iterable<TextEvent>): string {
  const reader = createTextReader();
  for (const event of events) reader.push(event);
  return reader.text;
}
