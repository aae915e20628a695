import type { LonghaulEvent } from './events.ts';

type TextEvent = Pick<LonghaulEvent, 'type' | 'data'>;

/** Puts together what an agent says, from its events as they come. */
export interface TextReader {
  /** Takes the next event, of whatever type. Returns whether the text is another now. */
  push(event: TextEvent): boolean;
  /** All it has said by now, a block of text to a paragraph. */
  readonly text: string;
}

/**
 * Makes a reader of a run's text. Pieces are joined, and `agent.text`, the whole block, replaces those before it. What
 * sub-agents say among themselves is left out; so is what an attempt had begun to say when it was cut off.
 */
export function createTextReader(): TextReader {
  /** By block, in the order in which they began. */
  const blocks = new Map<string, { text: string; isWhole: boolean }>();
  let joined: string | null = '';

  return {
    push(event) {
      if (event.type === 'run.retrying' || event.type === 'run.started') {
        const unfinished = [...blocks].filter(([, { isWhole }]) => !isWhole);
        for (const [blockId] of unfinished) blocks.delete(blockId);
        if (unfinished.length > 0) joined = null;
        return unfinished.length > 0;
      }
      if (event.type !== 'agent.text' && event.type !== 'agent.text.delta') return false;
      const { text, blockId, parentToolUseId, isPartial } = event.data as LonghaulEvent<'agent.text'>['data'];
      if (parentToolUseId !== undefined) return false;
      const isReplaced = event.type === 'agent.text';
      const isWhole = isReplaced && isPartial !== true;
      const known = blocks.get(blockId);
      blocks.set(blockId, { text: isReplaced ? text : `${known?.text ?? ''}${text}`, isWhole });
      joined = null;
      return true;
    },
    get text() {
      return (joined ??= [...blocks.values()].map(({ text }) => text).join('\n\n'));
    },
  };
}

/** What the agent has said in these events, in order: see `createTextReader`. */
export function textOf(events: Iterable<TextEvent>): string {
  const reader = createTextReader();
  for (const event of events) reader.push(event);
  return reader.text;
}
