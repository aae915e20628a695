import type { EventData, EventType } from '../core/events.ts';
import { describeQuestions } from './describe-questions.ts';
import { formatDuration } from './durations.ts';
import type { BlockName, LivePage } from './live-page.ts';
import { toTerminalLine } from './terminal-text.ts';
import { describeToolInput, describeToolResult } from './tool-summary.ts';

type Renderers = { readonly [T in EventType]?: (data: EventData[T]) => void };

/** State that several kinds of events share. */
interface Shown {
  /** The tools in progress, with the input of each. */
  readonly pending: Map<string, string>;
  cwd: string;
}

/** Returns a function for each type of event that shows it on the page. Events of other types are not shown. */
export function renderEvents(page: LivePage): Renderers {
  const shown: Shown = { pending: new Map(), cwd: '' };
  return {
    ...renderRun(page, shown),
    ...renderText(page),
    ...renderTools(page, shown),
    ...renderApprovals(page, shown),
  };
}

const indent = (parent: string | undefined) => (parent === undefined ? '' : '  ');

/** Renders the events of the run as a whole, and of its model. */
function renderRun({ line, style }: LivePage, { pending }: Shown): Renderers {
  return {
    'run.queued': ({ reason }) => {
      if (reason === 'handed_back') line(style('yellow', '↻ handed back by its worker; queued again'));
    },
    'run.retrying': ({ error, delaySeconds }) => {
      // The next attempt repeats everything that is still pending.
      pending.clear();
      const next =
        delaySeconds === 0 ? 'Next attempt at once' : `Next attempt in ${formatDuration(delaySeconds * 1_000)}`;
      line(style('yellow', `↻ ${error.code}: ${toTerminalLine(error.message)} ${next}.`));
    },
    'run.waiting': ({ waitingFor, scope }) => {
      const reason = scope === 'session' ? 'a higher budget of its session' : toTerminalLine(waitingFor);
      line(style('yellow', `… waiting for ${reason}`));
    },
    'agent.api_retry': ({ attempt, maxRetries, delayMs, status, error }) => {
      const reason = `${status === null ? '' : `${status} `}${toTerminalLine(error)}`;
      const next = `retrying in ${formatDuration(delayMs)} (${attempt} of ${maxRetries})`;
      line(style('yellow', `↻ the model did not answer: ${reason}; ${next}`));
    },
    'agent.model_changed': ({ from, to, reason, category }) => {
      const why = reason === 'refusal' ? 'declined to answer' : 'was not available';
      const about = category === undefined ? '' : ` (${toTerminalLine(category)})`;
      line(style('yellow', `↻ ${toTerminalLine(from)} ${why}${about}; ${toTerminalLine(to)} continues`));
    },
  };
}

/** Renders the text of the model. */
function renderText({ write, line, fit, style }: LivePage): Renderers {
  /** The text shown so far of each block: the whole block follows its pieces and must not be shown twice. */
  const shownText = new Map<string, string>();

  function writeText(block: BlockName, text: string): void {
    if (text === '') return;
    write(block, text);
    shownText.set(block.blockId, (shownText.get(block.blockId) ?? '') + text);
  }

  return {
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
      line(style('yellow', fit(`${indent(parentToolUseId)}↻ the model withdrew this text: ${shown}`, 0)));
    },
    'agent.thinking': ({ text, parentToolUseId }) => {
      const thought = fit(toTerminalLine(text), 12);
      line(style('dim', `${indent(parentToolUseId)}✻ thinking: ${thought}`));
    },
  };
}

/** Renders the uses of tools, and their results. */
function renderTools({ line, callLine, endsWithCall, fit, style }: LivePage, shown: Shown): Renderers {
  const { pending } = shown;
  return {
    'agent.init': (init) => {
      shown.cwd = init.cwd;
    },
    'agent.tool_use': ({ toolUseId, name, input, parentToolUseId }) => {
      const tool = toTerminalLine(name);
      const asked = describeToolInput(input, shown.cwd);
      pending.set(toolUseId, `${tool} ${asked}`.trim());
      const words = `${style('bold', tool)}  ${fit(asked, tool.length + 4)}`;
      callLine(toolUseId, `${indent(parentToolUseId)}${style('cyan', '●')} ${words}`.trimEnd());
    },
    'agent.tool_result': (result) => {
      const answer = describeToolResult(result, shown.cwd);
      // If several tools are in progress, each result names its tool use.
      const isObvious = endsWithCall(result.toolUseId) && pending.size === 1;
      const asked = isObvious ? undefined : pending.get(result.toolUseId);
      pending.delete(result.toolUseId);
      const words = fit(asked === undefined ? answer : `${asked}: ${answer}`, 4);
      line(`${indent(result.parentToolUseId)}  └ ${style(result.isError ? 'red' : 'dim', words)}`);
    },
    'agent.permission_denied': ({ name, message }) =>
      line(style('red', fit(`✗ ${toTerminalLine(`${name} denied: ${message}`)}`, 0))),
    'agent.connection': ({ host, port, decision }) => {
      if (decision === 'refused') line(style('red', fit(`✗ connection refused: ${toTerminalLine(host)}:${port}`, 0)));
    },
  };
}

/** Renders the approvals, with the commands that decide them. */
function renderApprovals({ line, fit, style }: LivePage, shown: Shown): Renderers {
  return {
    'approval.requested': ({ approvalId, kind, tool }) => {
      const awaited = kind === 'custom' ? "its client's result" : 'an approval';
      const what =
        kind === 'question'
          ? 'the agent has a question'
          : `${toTerminalLine(tool.name)} waits for ${awaited}: ${describeToolInput(tool.input, shown.cwd)}`;
      line(style('yellow', fit(`? ${what}`, 0)));
      if (kind === 'custom') return;
      if (kind === 'question') for (const words of describeQuestions(tool.input)) line(`    ${words}`);
      const id = toTerminalLine(approvalId);
      const answer = kind === 'question' ? ` --answer 'QUESTION=ANSWER'` : '';
      line(style('dim', `  longhaul approvals allow ${id}${answer}`));
      line(style('dim', `  longhaul approvals deny ${id} --reason WHY`));
    },
    'approval.unused': ({ tool }) =>
      line(style('red', fit(`✗ ${toTerminalLine(`${tool.name} was allowed, but never used`)}`, 0))),
    'approval.resolved': ({ decision, reason }) => {
      const words = { allow: 'allowed', deny: 'denied', expired: 'denied', cancelled: 'cancelled' }[decision];
      line(style('yellow', fit(`? ${words} ${toTerminalLine(reason ?? '')}`.trimEnd(), 0)));
    },
  };
}
