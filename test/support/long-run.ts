import type pg from 'pg';

type Event = readonly [type: string, data: object];

/** Replaces the events of a finished run. */
export async function writeEvents(database: pg.Client, runId: string, events: readonly Event[]): Promise<void> {
  await database.query('delete from longhaul.run_events where run_id = $1', [runId]);
  await database.query(
    `insert into longhaul.run_events (run_id, seq, type, attempt, at, data)
     select $1, n, type, least(n - 1, 1), now() - interval '1 hour' + n * interval '300 milliseconds', data
       from unnest($2::text[], $3::json[]) with ordinality as event (type, data, n)`,
    [runId, events.map(([type]) => type), events.map(([, data]) => JSON.stringify(data))],
  );
  await database.query('update longhaul.runs set event_seq = $2 where id = $1', [runId, events.length]);
}

/** Gives a finished run a log of `count` events: steps of a text, a tool use, its result and a model call. */
export async function writeLongRun(database: pg.Client, runId: string, count: number): Promise<void> {
  const begin: Event[] = [
    ['run.queued', { agent: 'teller', reason: 'submitted' }],
    ['run.started', { workerId: runId }],
    [
      'agent.init',
      { sessionId: runId, model: 'claude-sonnet-4-5', tools: ['Bash'], cwd: '/work', claudeCodeVersion: '2.1.330' },
    ],
  ];
  const end: Event = ['run.succeeded', { result: 'All steps are done.', costUsd: 0.42, turns: 2, durationMs: 1_000 }];
  const steps = Array.from({ length: count - begin.length - 1 }, (_, index) => toStep(index));
  await writeEvents(database, runId, [...begin, ...steps, end]);
  await database.query(`update longhaul.runs set result = 'All steps are done.' where id = $1`, [runId]);
}

function toStep(index: number): Event {
  const step = Math.floor(index / 4) + 1;
  const toolUseId = `tool-${step}`;
  switch (index % 4) {
    case 0:
      return ['agent.text', { text: `Step ${step} of the work.`, blockId: `text-${step}` }];
    case 1:
      return ['agent.tool_use', { toolUseId, name: 'Bash', input: { command: `make step-${step}` } }];
    case 2:
      return ['agent.tool_result', { toolUseId, isError: step % 50 === 0, content: `step ${step}: ok\n`.repeat(3) }];
    default:
      return [
        'agent.usage',
        { model: 'claude-sonnet-4-5', inputTokens: 900, outputTokens: 80, cacheReadTokens: 0, cacheCreationTokens: 0 },
      ];
  }
}
