import type { ToolRun } from '../../config/tool-hooks.ts';
import type { AskForToolUse, ToolUse } from './tool-use.ts';
import type { Denial } from './workspace-guard.ts';

/** The attempt for which tools are used, as the gate knows it. */
export interface ToolAttempt {
  /** The run that the process works for. */
  readonly run: ToolRun;
  /** Asks a person whether a tool may be used; null when no person can be asked. */
  readonly ask: AskForToolUse | null;
  /** Returns whether the run may still spend: a tool whose result no model will read does not begin. */
  hasMoneyLeft(): boolean;
  /** Notes that the gate denied a tool use. */
  noteDenial(denial: Denial): void;
  /** Notes that the result of a tool use is not available, as the replacement text says. */
  noteFailedResult(toolUseId: string): void;
  /**
   * Resolves when the beginning of a tool use is recorded, with its changed input if any; false when it must not begin.
   */
  mayBegin(toolUseId: string, changed: ToolUse | null): Promise<boolean>;
}
