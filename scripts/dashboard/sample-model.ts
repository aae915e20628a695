import { fail, say, think, turn, useTool } from '../../src/testing/index.ts';
import type { ModelRequest, Turn } from '../../src/testing/index.ts';

// Scripted answers of the sample fleet's model: invented, but similar to real runs.

const PACE = { chunkDelayMs: 18 };

const ANSWER = `The invoices of **Müller & Co** for week 32 are complete but one:

| invoice | amount | due | state |
|---|---:|---|---|
| 2026-0812 | €4,180.00 | 14 Aug | paid |
| 2026-0815 | €960.50 | 18 Aug | paid |
| 2026-0817 | €12,400.00 | 20 Aug | **9 days late** |

The late one is the tour to Lyon. Its proof of delivery was filed under the wrong tour number, so the customer has not
released the payment. I would:

1. file the proof under tour \`LY-204\`,
2. send the corrected statement,
3. pause the next dunning letter until Friday.

\`\`\`ts
const late = invoices.filter(({ dueAt, paidAt }) => paidAt === null && dueAt < today);
\`\`\`
`;

const usage = (inputTokens: number, outputTokens: number) => ({
  usage: {
    inputTokens,
    outputTokens,
    cacheReadTokens: inputTokens * 3,
    cacheCreationTokens: Math.round(inputTokens / 2),
  },
});

/** A slow answer, to watch it stream. */
const LONG = Array.from(
  { length: 12 },
  (_, index) =>
    `${index + 1}. Tour **T-${200 + index}** left on time and has ${3 + (index % 4)} stops left; the driver reports ${index % 3 === 0 ? 'heavy traffic on the ring road' : 'nothing unusual'}.`,
).join('\n');

export function sampleScript(request: ModelRequest): Turn {
  const { prompt, toolResults, body } = request;
  const turns = body.messages.filter(({ role }) => role === 'assistant').length;
  if (/Reply with OK/.test(prompt)) return turn(say('OK'), usage(80, 2));
  if (JSON.stringify(body['system'] ?? '').includes('You look up tours')) return lookUpTour(request);
  if (prompt.includes('overloaded')) return fail(529, { message: 'Overloaded' });
  if (prompt.includes('refuse')) return fail(400, { message: 'The request is too odd.' });
  if (/Restart|Deploy|Roll back/.test(prompt)) return rollBack(request);
  if (prompt.includes('Which depot')) return askForDepot(request);
  if (prompt.includes('Correct the handover')) return correctHandover(toolResults, turns);
  if (prompt.includes('Watch')) {
    const thought = think('I go through the tours one by one.');
    return turn([thought, say(LONG, { ...PACE, chunkDelayMs: 160 })], usage(2_600, 900));
  }
  return sumUp(request, turns);
}

function lookUpTour({ toolResults }: ModelRequest): Turn {
  if (toolResults.length === 0) return turn([useTool('Grep', { pattern: 'LY-2', path: '.' })], usage(1_200, 40));
  return turn(
    say('Tour LY-204 went to Lyon on 11 August; the proof of delivery is filed under LY-240.'),
    usage(1_400, 60),
  );
}

function rollBack({ toolResults }: ModelRequest): Turn {
  if (toolResults.length > 0)
    return turn(say('The service answers again: 3 of 3 instances are healthy.'), usage(2_100, 90));
  return turn(
    [
      think('The pod is in a crash loop since the last release. A rollback is the quickest way out.'),
      say('The last release does not start: its database URL is missing. I would go back to the one before.'),
      useTool('Bash', {
        command: 'kubectl rollout undo deployment/tracking --to-revision=41 --namespace production',
        description: 'Go back to the release before',
      }),
    ],
    usage(1_900, 140),
  );
}

function askForDepot({ toolResults }: ModelRequest): Turn {
  if (toolResults.length > 0) return turn(say('Thank you. I have planned the tour from Hamburg.'), usage(900, 40));
  return turn(
    useTool('AskUserQuestion', {
      questions: [
        {
          question: 'From which depot should the tour start?',
          header: 'Depot',
          multiSelect: false,
          options: [
            { label: 'Hamburg', description: 'Two vehicles free from 6:00' },
            { label: 'Bremen', description: 'A vehicle free, 40 km nearer' },
          ],
        },
      ],
    }),
    usage(1_100, 80),
  );
}

function correctHandover(toolResults: ModelRequest['toolResults'], turns: number): Turn {
  if (turns === 0) return turn([useTool('Read', { file_path: 'notes/handover.md' })], usage(1_000, 40));
  if (turns === 1) {
    const first = toolResults[0]?.content.match(/^ *1[\t→](.+)$/m)?.[1] ?? '# Handover';
    return turn(
      [
        say('The heading lacks its date; I add it, and leave the rest as it is.'),
        useTool('Edit', {
          file_path: 'notes/handover.md',
          old_string: first,
          new_string: `${first}, week 32\n\nChecked against the phone log on 12 August.`,
        }),
      ],
      usage(1_700, 120),
    );
  }
  return turn(
    say('Done: `notes/handover.md` has its date, and a note that it was checked against the phone log.'),
    usage(2_000, 60),
  );
}

function sumUp(request: ModelRequest, turns: number): Turn {
  if (turns === 0) {
    return turn(
      [
        think('The statement for week 32 should be in the routes folder; the open items in the notes.', PACE),
        say('I look at the routes of that week and at the notes first.', PACE),
        useTool('Glob', { pattern: '**/*' }),
        useTool('Read', { file_path: 'routes/week-32.csv' }),
      ],
      usage(1_300, 110),
    );
  }
  if (turns === 1 && request.toolNames.includes('Agent')) {
    return turn(
      [
        say('A tour is late. A sub-agent looks it up.', PACE),
        useTool('Agent', {
          description: 'Find the tour',
          prompt: 'Which tour is invoice 2026-0817 for?',
          subagent_type: 'dispatcher',
        }),
      ],
      usage(1_900, 90),
    );
  }
  return turn(say(ANSWER, PACE), usage(3_200, 420));
}
