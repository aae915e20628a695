import type { EventData, NewEvent } from '../../core/events.ts';
import { settlesWithin } from '../../core/settles-within.ts';
import { toStorable } from '../../core/text.ts';
import type { Denial } from './workspace-guard.ts';

/** Longest wait of a tool use for the message about it. */
const TOLD_TIMEOUT_MS = 500;

/**
 * The tool uses of an attempt whose results have not arrived. The gate and the messages report the same uses, the gate
 * a moment earlier.
 */
export interface OpenToolUses {
  readonly count: number;
  /** Opens a use that the gate lets begin: a deferred use has no second event, and may take as long as any other. */
  open(toolUseId: string): void;
  /** Follows an event: a use opens, a result closes it. */
  note(event: NewEvent): void;
  /** Notes that the event of a use was passed on. */
  noteTold(toolUseId: string): void;
  /** Resolves when the event of a use was passed on, or after half a second. */
  untilTold(toolUseId: string): Promise<void>;
  /** Keeps a denial until the result of its use arrives. */
  noteDenial(denial: Denial): void;
  /** Notes that the model does not get the result of a use, though Claude Code has one. */
  noteFailedResult(toolUseId: string): void;
  /** Returns what must be reported instead of an event that Claude Code reports, in order. */
  amend(event: NewEvent): NewEvent[];
}

export function createOpenToolUses(): OpenToolUses {
  const open = new Set<string>();
  /** Tool uses that wait for their event before they begin. */
  const untold = new Map<string, () => void>();
  /**
   * Denials of the hook, which come before the message about the tool use. Each is reported before the tool's result.
   */
  const untoldDenials = new Map<string, EventData['agent.permission_denied']>();
  const failedResults = new Set<string>();

  function takeDenial(toolUseId: string): NewEvent[] {
    const denial = untoldDenials.get(toolUseId);
    untoldDenials.delete(toolUseId);
    return denial === undefined ? [] : [{ type: 'agent.permission_denied', data: denial }];
  }

  return {
    get count() {
      return open.size;
    },
    open(toolUseId) {
      open.add(toolUseId);
    },
    note(event) {
      if (event.type === 'agent.tool_use') open.add(event.data.toolUseId);
      if (event.type === 'agent.tool_result') open.delete(event.data.toolUseId);
    },
    noteTold: (toolUseId) => untold.get(toolUseId)?.(),
    async untilTold(toolUseId) {
      // The hook runs a moment before the message about the use is read.
      if (open.has(toolUseId)) return;
      const told = new Promise<void>((resolve) => untold.set(toolUseId, resolve));
      await settlesWithin(told, TOLD_TIMEOUT_MS);
      untold.delete(toolUseId);
    },
    noteDenial({ toolUseId, name, message }) {
      const denial = { toolUseId: toStorable(toolUseId), name: toStorable(name), message: toStorable(message) };
      untoldDenials.set(denial.toolUseId, denial);
    },
    noteFailedResult(toolUseId) {
      failedResults.add(toStorable(toolUseId));
    },
    amend(event) {
      if (event.type !== 'agent.tool_result') return [event];
      const isFailed = failedResults.delete(event.data.toolUseId);
      const result = isFailed ? { ...event, data: { ...event.data, isError: true } } : event;
      return [...takeDenial(event.data.toolUseId), result];
    },
  };
}
