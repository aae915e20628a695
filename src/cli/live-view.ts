import type { EventResource, RunResource } from '../client/client.ts';
import type { EventData, EventType } from '../core/events.ts';
import { fitInto } from './display-width.ts';
import { formatDuration } from './durations.ts';
import { describeOutcome } from './outcome.ts';
import type { Output } from './shell.ts';
import { toTerminalLine, toTerminalText } from './terminal-text.ts';
import { describeQuestions } from './describe-questions.ts';
import { describeToolInput, describeToolResult } from './tool-summary.ts';

/** A view that shows a run to a person, event by event. */
export interface LiveView {
  add(event: EventResource): void;
  /** Shows the outcome of the run. */
  close(run: RunResource): void;
}

type BlockName = Pick<EventData['agent.text'], 'blockId' | 'isContinuation'>;

type Renderers = { readonly [T in EventType]?: (data: EventData[T]) => void };

/**
 * Shows a run's events on `output` when they arrive: text as it streams, a line for each tool use and each result. Only
 * appends, so that the output reads the same on a terminal, in a file and in a CI log.
 */
export function createLiveView(output: Output): LiveView {
  /** The text shown so far of each block: the whole block follows its pieces and must not be shown twice. */
  const shownText = new Map<string, string>();
  /** The tools in progress, with the input of each. */
  const pending = new Map<string, string>();
  let cwd = '';
  /** The block being written, while the cursor may be within one of its lines. */
  let openBlock: string | null = null;
  let isAtLineStart = true;
  /** The tool use whose line is the last one. */
  let callAbove: string | null = null;
  /** True when something other than text was shown last, so that text needs a gap. */
  let needsGap = false;

  function endText(): void {
    if (openBlock === null) return;
    output.write(isAtLineStart ? '\n' : '\n\n');
    openBlock = null;
    isAtLineStart = true;
  }

  function writeText({ blockId, isContinuation }: BlockName, text: string): void {
    if (text === '') return;
    if (openBlock !== blockId) {
      // A continuation stays in the line of the text before it, if that is still the last one.
      if (isContinuation !== true) endText();
      if (needsGap) output.line();
      openBlock = blockId;
    }
    callAbove = null;
    needsGap = false;
    output.write(toTerminalText(text));
    isAtLineStart = text.endsWith('\n');
    shownText.set(blockId, (shownText.get(blockId) ?? '') + text);
  }

  function line(text: string): void {
    endText();
    callAbove = null;
    needsGap = true;
    output.line(text);
  }

  function fit(text: string, taken: number): string {
    return fitInto(text, Math.max(20, output.columns - taken - 1));
  }

  const indent = (parent: string | undefined) => (parent === undefined ? '' : '  ');

  const renderers: Renderers = {
    'run.queued': ({ reason }) => {
      if (reason === 'handed_back') line(output.style('yellow', '↻ handed back by its worker; queued again'));
    },
    'run.retrying': ({ error, delaySeconds }) => {
      // The next attempt repeats everything that is still pending.
      pending.clear();
      const next =
        delaySeconds === 0 ? 'Next attempt at once' : `Next attempt in ${formatDuration(delaySeconds * 1_000)}`;
      line(output.style('yellow', `↻ ${error.code}: ${toTerminalLine(error.message)} ${next}.`));
    },
    'run.waiting': ({ waitingFor }) => line(output.style('yellow', `… waiting for ${toTerminalLine(waitingFor)}`)),
    'agent.init': (init) => {
      cwd = init.cwd;
    },
    'agent.text.delta': (delta) => writeText(delta, delta.text),
    'agent.text': (block) => {
      const shown = shownText.get(block.blockId) ?? '';
      // If following began in the middle of a block, only its end was shown; its beginning cannot be inserted before
      // it.
      writeText(block, block.text.startsWith(shown) ? block.text.slice(shown.length) : '');
    },
    'agent.text.abandoned': ({ blockId, parentToolUseId }) => {
      const shown = toTerminalLine(shownText.get(blockId) ?? '').trim();
      shownText.delete(blockId);
      if (shown === '') return;
      line(output.style('yellow', fit(`${indent(parentToolUseId)}↻ the model withdrew this text: ${shown}`, 0)));
    },
    'agent.thinking': ({ text, parentToolUseId }) => {
      const thought = fit(toTerminalLine(text), 12);
      line(output.style('dim', `${indent(parentToolUseId)}✻ thinking: ${thought}`));
    },
    'agent.tool_use': ({ toolUseId, name, input, parentToolUseId }) => {
      const tool = toTerminalLine(name);
      const asked = describeToolInput(input, cwd);
      pending.set(toolUseId, `${tool} ${asked}`.trim());
      const shown = `${output.style('bold', tool)}  ${fit(asked, tool.length + 4)}`;
      line(`${indent(parentToolUseId)}${output.style('cyan', '●')} ${shown}`.trimEnd());
      callAbove = toolUseId;
    },
    'agent.tool_result': (result) => {
      const answer = describeToolResult(result, cwd);
      // If several tools are in progress, each result names its tool use.
      const isObvious = callAbove === result.toolUseId && pending.size === 1;
      const asked = isObvious ? undefined : pending.get(result.toolUseId);
      pending.delete(result.toolUseId);
      const shown = fit(asked === undefined ? answer : `${asked}: ${answer}`, 4);
      line(`${indent(result.parentToolUseId)}  └ ${output.style(result.isError ? 'red' : 'dim', shown)}`);
    },
    'agent.api_retry': ({ attempt, maxRetries, delayMs, status, error }) => {
      const reason = `${status === null ? '' : `${status} `}${toTerminalLine(error)}`;
      const next = `retrying in ${formatDuration(delayMs)} (${attempt} of ${maxRetries})`;
      line(output.style('yellow', `↻ the model did not answer: ${reason}; ${next}`));
    },
    'agent.model_changed': ({ from, to, reason, category }) => {
      const why = reason === 'refusal' ? 'declined to answer' : 'was not available';
      const about = category === undefined ? '' : ` (${toTerminalLine(category)})`;
      line(output.style('yellow', `↻ ${toTerminalLine(from)} ${why}${about}; ${toTerminalLine(to)} continues`));
    },
    'agent.permission_denied': ({ name, message }) =>
      line(output.style('red', fit(`✗ ${toTerminalLine(`${name} denied: ${message}`)}`, 0))),
    'approval.requested': ({ approvalId, kind, tool }) => {
      const what =
        kind === 'question'
          ? 'the agent has a question'
          : `${toTerminalLine(tool.name)} waits for an approval: ${describeToolInput(tool.input, cwd)}`;
      line(output.style('yellow', fit(`? ${what}`, 0)));
      if (kind === 'question') for (const words of describeQuestions(tool.input)) line(`    ${words}`);
      const id = toTerminalLine(approvalId);
      const answer = kind === 'question' ? ` --answer 'QUESTION=ANSWER'` : '';
      line(output.style('dim', `  longhaul approvals allow ${id}${answer}`));
      line(output.style('dim', `  longhaul approvals deny ${id} --reason WHY`));
    },
    'approval.unused': ({ tool }) =>
      line(output.style('red', fit(`✗ ${toTerminalLine(`${tool.name} was allowed, but never used`)}`, 0))),
    'approval.resolved': ({ decision, reason }) => {
      const words = { allow: 'allowed', deny: 'denied', expired: 'denied', cancelled: 'cancelled' }[decision];
      line(output.style('yellow', fit(`? ${words} ${toTerminalLine(reason ?? '')}`.trimEnd(), 0)));
    },
  };

  return {
    add(event) {
      const render = renderers[event.type as EventType] as ((data: unknown) => void) | undefined;
      render?.(event.data);
    },
    close(run) {
      endText();
      if (needsGap) output.line();
      output.line(describeOutcome(run, output));
    },
  };
}
