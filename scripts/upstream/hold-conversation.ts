import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startAgentProcess } from '../../src/agent/agent-process.ts';
import { createAttempt } from '../../src/agent/attempt.fixture.ts';
import type { ClaudeProcess, Prompt } from '../../src/agent/process/claude-spec.ts';
import { createTranscript } from '../../src/agent/transcript/transcript.fixture.ts';
import { startScriptedModel, type ModelRequest } from '../../src/testing/index.ts';
import { FILE, type Scenario } from './scenarios.ts';

/** The effects of a conversation, in lines that are the same each time with the same version of Claude Code. */
export interface Conversation {
  /** The requests to the model: headers, members of the body, sizes. */
  readonly requests: readonly string[];
  /** The messages of Claude Code, with the fields that they had. */
  readonly messages: readonly string[];
  /** The events of the run, and its report. */
  readonly events: readonly string[];
  /** The entries of the transcript, with their fields. */
  readonly transcript: readonly string[];
}

/** Has a conversation with Claude Code as a worker does: the same options, environment and mapping. */
export async function holdConversation({ agent, script }: Scenario): Promise<Conversation> {
  const messages: unknown[] = [];
  const { transcript, kept } = createTranscript();
  await using model = await startScriptedModel({ script });
  await using attempt = await createAttempt({ url: model.url, agent, spec: { transcript, prompt: 'Read the notes.' } });
  await writeFile(path.join(attempt.workspaceDir, FILE.name), FILE.content);
  const process = withWitness(attempt.startSpare(), (message) => messages.push(message));
  const { outcome, turns, modelUsage, toolUses } = await startAgentProcess({ ...attempt.spec, process }).done;
  const places = [attempt.workspaceDir, attempt.root];
  const toLine = (value: unknown) => JSON.stringify(value, (key, inner: unknown) => steady(key, inner, places));
  return {
    requests: toRequestLines(model.requests),
    messages: toFieldLines(messages),
    events: [
      ...attempt.events.map(({ type, data }) => `${type} ${toLine(data)}`),
      `report ${toLine({ outcome, turns, modelUsage, toolUses })}`,
    ],
    transcript: toFieldLines(kept.map(({ entry }) => entry)),
  };
}

/** Returns the process with a witness of each message that an attempt receives from it. */
function withWitness(claude: ClaudeProcess, witness: (message: unknown) => void): ClaudeProcess {
  const ask = ({ receiver, ...prompt }: Prompt) => {
    const hear = (message: unknown) => {
      witness(message);
      receiver.hear(message);
    };
    claude.ask({ ...prompt, receiver: Object.create(receiver, { hear: { value: hear } }) as Prompt['receiver'] });
  };
  return Object.create(claude, { ask: { value: ask } }) as ClaudeProcess;
}

/** Headers of the connection itself. */
const OF_CONNECTION = new Set(['host', 'content-length', 'connection', 'accept-encoding']);
/** Members of a request that are short, and decide about cost and behaviour. */
const DECISIVE = new Set(['model', 'max_tokens', 'stream', 'thinking', 'output_config', 'context_management', 'speed']);

/** Returns the sizes of each request, then everything that the requests have in common or once. */
function toRequestLines(requests: readonly ModelRequest[]): string[] {
  const parts = requests.flatMap(({ headers, body }) => {
    const { tools = [], messages: _, ...rest } = body;
    return [
      ...Object.entries(headers).flatMap(([name, value]) => toHeaderLines(name, String(value))),
      ...Object.entries(rest).map(([name, value]) =>
        DECISIVE.has(name) ? `${name}: ${JSON.stringify(value)}` : `${name}: ${sizeOf(value)}`,
      ),
      ...tools.map((tool) => `tool ${tool.name}: ${sizeOf(tool)}`),
    ];
  });
  return [
    ...requests.map(
      ({ path: address, body }, index) =>
        // Rounded, because the text of a subagent's result contains a time.
        `request ${index + 1}: ${address}, ${(Buffer.byteLength(JSON.stringify(body)) / 1_000).toFixed(1)} KB`,
    ),
    ...[...new Set(parts)].sort(),
  ];
}

function toHeaderLines(name: string, value: string): string[] {
  if (OF_CONNECTION.has(name)) return [];
  const values = name === 'anthropic-beta' ? value.split(',') : [name.endsWith('-id') ? '<id>' : value];
  return values.map((one) => `header ${name}: ${one.trim()}`);
}

const sizeOf = (value: unknown) => `${Buffer.byteLength(JSON.stringify(value))} bytes`;

/** Returns a line for each field that each kind of object has. */
function toFieldLines(objects: readonly unknown[]): string[] {
  const lines = objects.flatMap((given) => {
    const fields = given as Readonly<Record<string, unknown>>;
    const { type, subtype, message } = fields;
    const kind = type === 'system' ? `system/${String(subtype)}` : String(type);
    const inner = typeof message === 'object' && message !== null ? Object.keys(message) : [];
    return [...Object.keys(fields), ...inner.map((name) => `message.${name}`)].map((name) => `${kind}: ${name}`);
  });
  return [...new Set(lines)].sort();
}

/** Names of measured times. */
const TIMES = /(?:Ms|_ms|timestamp|At)$/;

/** Replaces everything in a value that differs from run to run. */
function steady(key: string, value: unknown, places: readonly string[]): unknown {
  if (TIMES.test(key)) return 'a time';
  if (typeof value !== 'string') return value;
  return places
    .reduce((changed, place) => changed.replaceAll(place, '<dir>'), value)
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/\b(msg|toolu|req)_\w+/g, '<$1>')
    .replace(/\bagentId: \w+|\bduration_ms: \d+/g, (found) => found.replace(/: .*/, ': <new>'));
}
