import { createOutputSchema } from '../../src/config/output-schema.ts';
import type { Agent } from '../../src/config/config.ts';
import { fail, say, think, turn, useTool, type ModelRequest, type Script } from '../../src/testing/index.ts';

/** A conversation that Claude Code has with a loopback model: always the same, so that versions can be compared. */
export interface Scenario {
  readonly name: string;
  readonly agent: Partial<Agent>;
  readonly script: Script;
}

/** The file that each workspace contains. */
export const FILE = { name: 'notes.md', content: 'The kettle is on the left.\n' };

const SUBAGENT = 'You read along.';
const isFromSubagent = ({ body }: ModelRequest) => JSON.stringify(body.system).includes(SUBAGENT);
const usage = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 10, cacheCreationTokens: 20 };
const read = useTool('Read', { file_path: FILE.name });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'tools and a subagent',
    agent: {
      tools: ['Read', 'Bash', 'Agent'],
      subagents: [
        { name: 'reader', description: 'Reads.', prompt: SUBAGENT, tools: ['Read'], model: null, maxTurns: null },
      ],
    },
    script(request) {
      if (isFromSubagent(request)) return turn(request.turn === 0 ? read : say('It is about a kettle.'), { usage });
      const turns = [
        [think('First the file.'), say('I read it.'), read],
        [useTool('Bash', { command: 'printf done; exit 3', description: 'Print' })],
        [useTool('Write', { file_path: 'new.md', content: 'x' })],
        [useTool('Agent', { description: 'read along', prompt: 'Read it too.', subagent_type: 'reader' })],
        [say('All is read.')],
      ];
      return turn(turns[request.turn] ?? say('More?'), { usage });
    },
  },
  {
    name: 'the default model with the preset prompt and every usual tool',
    agent: {
      model: 'default',
      thinking: 'adaptive',
      systemPrompt: { append: 'Be brief.' },
      tools: ['Read', 'Write', 'Edit', 'Bash', 'Glob', 'Grep', 'WebFetch', 'WebSearch', 'TodoWrite', 'AskUserQuestion'],
    },
    script: [turn(say('Good day.'), { usage })],
  },
  {
    name: 'a structured answer',
    agent: {
      model: 'claude-haiku-4-5',
      thinking: 'disabled',
      outputSchema: createOutputSchema({
        type: 'object',
        properties: { score: { type: 'integer' } },
        required: ['score'],
      }),
    },
    script: [turn(useTool('StructuredOutput', { score: 4 }), { usage }), turn(say('Done.'), { usage })],
  },
  {
    name: 'an answer that is cut, and refused calls',
    agent: {},
    script: ({ turn: count }) =>
      count === 0 ? turn(say('The first half'), { usage, stopReason: 'max_tokens' }) : fail(402),
  },
];
