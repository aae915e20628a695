import type { LonghaulEvent } from 'longhaul/client';

type Data<Type extends LonghaulEvent['type']> = LonghaulEvent<Type>['data'];

interface ItemBase {
  /** The same for as long as the run is shown. */
  readonly key: string;
  /** The event that began it. */
  readonly seq: number;
  readonly at: string;
  readonly attempt: number;
  /** Rises with each change. */
  version: number;
}

/** What the agent wrote: a block of text. */
export interface TextItem extends ItemBase {
  readonly kind: 'text';
  text: string;
  isStreaming: boolean;
  /** It was never finished. */
  isPartial: boolean;
}

export interface ThinkingItem extends ItemBase {
  readonly kind: 'thinking';
  text: string;
}

export interface ToolItem extends ItemBase {
  readonly kind: 'tool';
  readonly toolUseId: string;
  readonly name: string;
  input: unknown;
  /** What it was asked at first, where a hook or a person has changed that. */
  askedInput: unknown;
  result: Data<'agent.tool_result'> | null;
  endedAt: string | null;
  denial: string | null;
  /** The ids of what waits, or waited, for a person because of it. */
  approvalId: string | null;
  approval: Data<'approval.requested'> | null;
  decision: Data<'approval.resolved'> | null;
  /** Of a sub-agent: what that did. */
  readonly children: LogItem[];
}

/** Something about the run as a whole: how it went on. */
export interface MarkItem extends ItemBase {
  readonly kind: 'mark';
  readonly event: LonghaulEvent;
}

export type LogItem = TextItem | ThinkingItem | ToolItem | MarkItem;

/** What the provider counted for one answer. */
export interface UsageEntry {
  readonly seq: number;
  readonly at: string;
  readonly attempt: number;
  readonly data: Data<'agent.usage'>;
}

/** A run's log put together for reading: blocks of text grow, tools have their results, sub-agents what they did. */
export interface RunLog {
  /** Takes the next event. One that was taken before is passed over. */
  push(event: LonghaulEvent): void;
  readonly items: readonly LogItem[];
  /** Every event but the pieces of text, as it came. */
  readonly events: readonly LonghaulEvent[];
  readonly usage: readonly UsageEntry[];
  /** Rises with each item that is added or taken away: what is drawn then has another order. */
  readonly structure: number;
  readonly lastSeq: number;
  readonly isOver: boolean;
}

const FINAL: ReadonlySet<string> = new Set(['run.succeeded', 'run.failed', 'run.cancelled']);

/** What says nothing to a reader of the conversation; the raw events have it. */
const SILENT: ReadonlySet<string> = new Set(['agent.init', 'agent.other', 'approval.resolved', 'approval.requested']);

/** Each event costs the same, however long the log is. */
export function createRunLog(): RunLog {
  const items: LogItem[] = [];
  const events: LonghaulEvent[] = [];
  const usage: UsageEntry[] = [];
  const tools = new Map<string, ToolItem>();
  const blocks = new Map<string, { item: TextItem; list: LogItem[] }>();
  const approvals = new Map<string, ToolItem>();
  let structure = 0;
  let lastSeq = 0;
  let isOver = false;

  const base = ({ seq, at, attempt }: LonghaulEvent): ItemBase => ({ key: String(seq), seq, at, attempt, version: 0 });

  /** Where what a sub-agent did belongs: below the use of the tool that began it. */
  function listOf(parentToolUseId: string | undefined): LogItem[] {
    return (parentToolUseId === undefined ? undefined : tools.get(parentToolUseId)?.children) ?? items;
  }

  function add(list: LogItem[], item: LogItem): void {
    list.push(item);
    structure += 1;
  }

  function change(item: ToolItem | undefined, update: (item: ToolItem) => void): void {
    if (item === undefined) return;
    update(item);
    item.version += 1;
  }

  /** What an attempt had begun to say when it was cut off is said again, or never. */
  function dropUnfinished(): void {
    for (const [blockId, { item, list }] of blocks) {
      if (!item.isStreaming) continue;
      list.splice(list.indexOf(item), 1);
      blocks.delete(blockId);
      structure += 1;
    }
  }

  function takeText(event: LonghaulEvent<'agent.text'> | LonghaulEvent<'agent.text.delta'>): void {
    const { text, blockId, parentToolUseId } = event.data;
    const isWhole = event.type === 'agent.text';
    const known = blocks.get(blockId);
    if (known === undefined) {
      const list = listOf(parentToolUseId);
      const isPartial = isWhole && event.data.isPartial === true;
      const item: TextItem = { ...base(event), kind: 'text', text, isStreaming: !isWhole, isPartial };
      blocks.set(blockId, { item, list });
      add(list, item);
      return;
    }
    const { item } = known;
    item.text = isWhole ? text : item.text + text;
    item.isStreaming = !isWhole;
    item.isPartial = isWhole && event.data.isPartial === true;
    item.version += 1;
  }

  function takeTool(event: LonghaulEvent): boolean {
    switch (event.type) {
      case 'agent.tool_use': {
        const { toolUseId, name, input, parentToolUseId } = event.data;
        const item: ToolItem = {
          ...base(event),
          kind: 'tool',
          toolUseId,
          name,
          input,
          askedInput: undefined,
          result: null,
          endedAt: null,
          denial: null,
          approvalId: null,
          approval: null,
          decision: null,
          children: [],
        };
        tools.set(toolUseId, item);
        add(listOf(parentToolUseId), item);
        return true;
      }
      case 'agent.tool_input':
        change(tools.get(event.data.toolUseId), (item) => {
          item.askedInput ??= item.input;
          item.input = event.data.input;
        });
        return true;
      case 'agent.tool_result': {
        const item = tools.get(event.data.toolUseId);
        change(item, (tool) => {
          tool.result = event.data;
          tool.endedAt = event.at;
        });
        return item !== undefined;
      }
      case 'agent.permission_denied':
        change(tools.get(event.data.toolUseId), (item) => {
          item.denial = event.data.message;
        });
        return true;
      case 'approval.requested': {
        const item = tools.get(event.data.tool.toolUseId);
        change(item, (tool) => {
          tool.approvalId = event.data.approvalId;
          tool.approval = event.data;
          tool.decision = null;
        });
        if (item !== undefined) approvals.set(event.data.approvalId, item);
        // The tool use itself may come later, or never: then it is asked for without one.
        else add(items, { ...base(event), kind: 'mark', event });
        return true;
      }
      case 'approval.resolved':
        change(approvals.get(event.data.approvalId), (item) => {
          item.decision = event.data;
        });
        return true;
      default:
        return false;
    }
  }

  return {
    push(event) {
      if (event.seq <= lastSeq) return;
      lastSeq = event.seq;
      if (event.type !== 'agent.text.delta') events.push(event);
      if (event.type === 'run.retrying' || event.type === 'run.started') dropUnfinished();
      if (FINAL.has(event.type)) isOver = true;
      if (event.type === 'agent.text' || event.type === 'agent.text.delta') takeText(event);
      else if (event.type === 'agent.thinking') {
        const { text, parentToolUseId } = event.data;
        if (text.trim() !== '') add(listOf(parentToolUseId), { ...base(event), kind: 'thinking', text });
      } else if (event.type === 'agent.usage') {
        usage.push({ seq: event.seq, at: event.at, attempt: event.attempt, data: event.data });
      } else if (!takeTool(event) && !SILENT.has(event.type)) {
        add(items, { ...base(event), kind: 'mark', event });
      }
    },
    items,
    events,
    usage,
    get structure() {
      return structure;
    },
    get lastSeq() {
      return lastSeq;
    },
    get isOver() {
      return isOver;
    },
  };
}

/** An item with how deep it lies: what sub-agents did lies below the tool use that began them. */
export interface LogRow {
  readonly item: LogItem;
  readonly depth: number;
}

/** The items one below the other. What is folded hides what lies below it. */
export function toRows(items: readonly LogItem[], isFolded: (item: ToolItem) => boolean, depth = 0): LogRow[] {
  const rows: LogRow[] = [];
  for (const item of items) {
    rows.push({ item, depth });
    if (item.kind === 'tool' && item.children.length > 0 && !isFolded(item)) {
      rows.push(...toRows(item.children, isFolded, depth + 1));
    }
  }
  return rows;
}
