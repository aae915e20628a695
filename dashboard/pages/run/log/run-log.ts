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

/** The connections of a run to one port of a host. */
export interface HostEntry {
  readonly host: string;
  readonly port: number;
  allowed: number;
  refused: number;
  sentBytes: number;
  receivedBytes: number;
}

/** A run's log as items: blocks of text grow, tool uses have their results, sub-agents their items. */
export interface RunLog {
  /** Adds the next event. An event that was added before is ignored. */
  push(event: LonghaulEvent): void;
  readonly items: readonly LogItem[];
  /** The events without pieces of text, unchanged. */
  readonly events: readonly LonghaulEvent[];
  readonly usage: readonly UsageEntry[];
  /** The hosts that the run's processes connected to, or tried to, in the order of the first try. */
  readonly hosts: readonly HostEntry[];
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
  const list = createItems();
  const texts = createTexts(list);
  const takeTool = createTools(list);
  const events: LonghaulEvent[] = [];
  const usage: UsageEntry[] = [];
  const hosts = createHosts();
  let lastSeq = 0;
  let isOver = false;

  return {
    push(event) {
      if (event.seq <= lastSeq) return;
      lastSeq = event.seq;
      if (event.type !== 'agent.text.delta') events.push(event);
      if (event.type === 'run.retrying' || event.type === 'run.started') texts.dropUnfinished();
      if (FINAL.has(event.type)) isOver = true;
      if (event.type === 'agent.text' || event.type === 'agent.text.delta') texts.take(event);
      else if (event.type === 'agent.text.abandoned') texts.drop(event.data.blockId);
      else if (event.type === 'agent.thinking') {
        const { text, parentToolUseId } = event.data;
        if (text.trim() !== '') list.add({ ...toBase(event), kind: 'thinking', text }, parentToolUseId);
      } else if (event.type === 'agent.usage') {
        usage.push({ seq: event.seq, at: event.at, attempt: event.attempt, data: event.data });
      } else if (event.type === 'agent.connection') {
        const isNews = hosts.take(event.data);
        if (isNews) list.add({ ...toBase(event), kind: 'mark', event });
      } else if (!takeTool(event) && !SILENT.has(event.type)) {
        list.add({ ...toBase(event), kind: 'mark', event });
      }
    },
    items: list.items,
    events,
    usage,
    hosts: hosts.entries,
    get structure() {
      return list.structure;
    },
    get lastSeq() {
      return lastSeq;
    },
    get isOver() {
      return isOver;
    },
  };
}

function toBase({ seq, at, attempt }: LonghaulEvent): ItemBase {
  return { key: String(seq), seq, at, attempt, version: 0 };
}

/** The hosts of a run. */
function createHosts() {
  const entries: HostEntry[] = [];
  const byName = new Map<string, HostEntry>();
  return {
    entries,
    /** Adds a connection. Returns true for the first refusal of a host: the conversation shows it once. */
    take({ host, port, decision, sentBytes, receivedBytes }: Data<'agent.connection'>): boolean {
      const name = `${host}:${port}`;
      const entry = byName.get(name) ?? { host, port, allowed: 0, refused: 0, sentBytes: 0, receivedBytes: 0 };
      if (!byName.has(name)) entries.push(entry);
      byName.set(name, entry);
      entry[decision] += 1;
      entry.sentBytes += sentBytes;
      entry.receivedBytes += receivedBytes;
      return decision === 'refused' && entry.refused === 1;
    },
  };
}

/** The items of a run, and those of its sub-agents below the tool uses that started them. */
function createItems() {
  const items: LogItem[] = [];
  const tools = new Map<string, ToolItem>();
  let structure = 0;

  /** Returns the list for a sub-agent's items, or the main one. */
  function listOf(parentToolUseId: string | undefined): LogItem[] {
    return (parentToolUseId === undefined ? undefined : tools.get(parentToolUseId)?.children) ?? items;
  }

  return {
    items,
    tools,
    get structure() {
      return structure;
    },
    listOf,
    add(item: LogItem, parentToolUseId?: string): void {
      listOf(parentToolUseId).push(item);
      structure += 1;
    },
    remove(item: LogItem, list: LogItem[]): void {
      list.splice(list.lastIndexOf(item), 1);
      structure += 1;
    },
  };
}

type Items = ReturnType<typeof createItems>;

/** A block of text: an item, or the end of the item that it continues. */
interface Block {
  readonly item: TextItem;
  readonly list: LogItem[];
  /** Text of the item before the block; null when the item is the block. */
  readonly before: string | null;
  isStreaming: boolean;
}

/** Builds the blocks of text. */
function createTexts(items: Items) {
  const blocks = new Map<string, Block>();

  function begin(event: LonghaulEvent<'agent.text'> | LonghaulEvent<'agent.text.delta'>): Block {
    const { parentToolUseId, isContinuation = false } = event.data;
    const list = items.listOf(parentToolUseId);
    const last = list.at(-1);
    // A word that was cut in two must not become two paragraphs.
    if (isContinuation && last?.kind === 'text') return { item: last, list, before: last.text, isStreaming: true };
    const item: TextItem = { ...toBase(event), kind: 'text', text: '', isStreaming: true, isPartial: false };
    items.add(item, parentToolUseId);
    return { item, list, before: null, isStreaming: true };
  }

  /** Removes a block, and what it said. */
  function drop(blockId: string): void {
    const block = blocks.get(blockId);
    if (block === undefined) return;
    blocks.delete(blockId);
    const { item, list, before } = block;
    if (before === null) return items.remove(item, list);
    item.text = before;
    item.isStreaming = false;
    item.version += 1;
  }

  return {
    take(event: LonghaulEvent<'agent.text'> | LonghaulEvent<'agent.text.delta'>): void {
      const { text, blockId } = event.data;
      const isWhole = event.type === 'agent.text';
      const block = blocks.get(blockId) ?? begin(event);
      blocks.set(blockId, block);
      const { item, before } = block;
      item.text = isWhole ? `${before ?? ''}${text}` : item.text + text;
      block.isStreaming = !isWhole;
      item.isStreaming = !isWhole;
      item.isPartial = isWhole && event.data.isPartial === true;
      item.version += 1;
    },
    drop,
    /** Drops unfinished text of an interrupted attempt: the next attempt may write it again. */
    dropUnfinished(): void {
      for (const [blockId, { isStreaming }] of blocks) if (isStreaming) drop(blockId);
    },
  };
}

/** Returns a function that takes the events of tool uses and approvals, and returns whether it took one. */
function createTools({ tools, add }: Items): (event: LonghaulEvent) => boolean {
  const approvals = new Map<string, ToolItem>();

  function change(item: ToolItem | undefined, update: (item: ToolItem) => void): boolean {
    if (item === undefined) return false;
    update(item);
    item.version += 1;
    return true;
  }

  return (event) => {
    switch (event.type) {
      case 'agent.tool_use': {
        const item = toToolItem(event);
        tools.set(item.toolUseId, item);
        add(item, event.data.parentToolUseId);
        return true;
      }
      case 'agent.tool_input':
        change(tools.get(event.data.toolUseId), (item) => {
          item.askedInput ??= item.input;
          item.input = event.data.input;
        });
        return true;
      case 'agent.tool_result':
        return change(tools.get(event.data.toolUseId), (item) => {
          item.result = event.data;
          item.endedAt = event.at;
        });
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
        else add({ ...toBase(event), kind: 'mark', event });
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
  };
}

function toToolItem(event: LonghaulEvent<'agent.tool_use'>): ToolItem {
  const { toolUseId, name, input } = event.data;
  return {
    ...toBase(event),
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
