import type { LonghaulEvent } from 'longhaul/client';

type Data<Type extends LonghaulEvent['type']> = LonghaulEvent<Type>['data'];

interface ItemBase {
  /** Stable key of the item. */
  readonly key: string;
  /** Event that created the item. */
  readonly seq: number;
  readonly at: string;
  readonly attempt: number;
  /** Increases with each change. */
  version: number;
}

/** A block of text of the agent. */
export interface TextItem extends ItemBase {
  readonly kind: 'text';
  text: string;
  isStreaming: boolean;
  /** Set when the block was never finished. */
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
  /** Original input, when a hook or a person changed it. */
  askedInput: unknown;
  result: Data<'agent.tool_result'> | null;
  endedAt: string | null;
  denial: string | null;
  /** Ids of its approvals. */
  approvalId: string | null;
  approval: Data<'approval.requested'> | null;
  decision: Data<'approval.resolved'> | null;
  /** Items of the sub-agent, for a tool use that started one. */
  readonly children: LogItem[];
}

/** A change of the run as a whole. */
export interface MarkItem extends ItemBase {
  readonly kind: 'mark';
  readonly event: LonghaulEvent;
}

export type LogItem = TextItem | ThinkingItem | ToolItem | MarkItem;

/** The provider's token counts of one response. */
export interface UsageEntry {
  readonly seq: number;
  readonly at: string;
  readonly attempt: number;
  readonly data: Data<'agent.usage'>;
}

/** A run's log as items: blocks of text grow, tool uses have their results, sub-agents their items. */
export interface RunLog {
  /** Adds the next event. An event that was added before is ignored. */
  push(event: LonghaulEvent): void;
  readonly items: readonly LogItem[];
  /** The events without pieces of text, unchanged. */
  readonly events: readonly LonghaulEvent[];
  readonly usage: readonly UsageEntry[];
  /** Increases when an item is added or removed, because positions change. */
  readonly structure: number;
  readonly lastSeq: number;
  readonly isOver: boolean;
}

const FINAL: ReadonlySet<string> = new Set(['run.succeeded', 'run.failed', 'run.cancelled']);

/** Events that the conversation does not show. The raw events have them. */
const SILENT: ReadonlySet<string> = new Set(['agent.init', 'agent.other', 'approval.resolved', 'approval.requested']);

/** Creates a log. Adding an event takes the same time for any length of the log. */
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

  /** Returns the list for a sub-agent's items: below the tool use that started it. */
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

  /** Drops unfinished text of an interrupted attempt: the next attempt may write it again. */
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
        // The tool use may come later or never; until then the approval has its own item.
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

/** An item with its depth: items of sub-agents are below the tool use that started them. */
export interface LogRow {
  readonly item: LogItem;
  readonly depth: number;
}

/** Flattens the items. A folded item hides its children. */
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
