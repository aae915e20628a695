import { say, startScriptedModel } from '../src/testing/index.ts';
import type { LonghaulClient } from '../src/client/client.ts';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { queryPostgres } from './postgres-server.ts';
import { AGENT, startLonghaul } from './start-longhaul.ts';

const DELTAS = 2_000;

/** Milliseconds between two deltas. Time, not text, sets the number of inserts: never more than one in 50 ms. */
const PACES = { atOnce: 0, fast: 2, slow: 10 };

/**
 * Counts the insert statements of a run of 2,000 deltas, and checks that its reader sees all of the text.
 * PostgreSQL itself counts, over every table; the statements are the same on the embedded database.
 */
export async function measureInserts(bench: Bench): Promise<Measurement> {
  const chunks = Array.from({ length: DELTAS }, (_, index) => `delta ${index}. `);
  const text = chunks.join('');
  const model = await startScriptedModel({ keepRequests: 0 });
  bench.onEnd(() => model.close());
  const database = await bench.createDatabase('postgres');
  const provider = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'dummy' };
  const { client } = await startLonghaul({ bench, variables: { ...database, ...provider } });
  const databaseUrl = database['LONGHAUL_DATABASE_URL'] ?? '';

  const figures: Record<string, number> = { deltas: DELTAS, missedCharacters: 0 };
  for (const [pace, chunkDelayMs] of Object.entries(PACES)) {
    model.setScript([say(text, { chunks, chunkDelayMs })]);
    await queryPostgres(databaseUrl, 'select pg_stat_statements_reset()');
    const startedAt = performance.now();
    const seen = await readText(client);
    figures[`${pace}Seconds`] = (performance.now() - startedAt) / 1_000;
    figures[`${pace}Inserts`] = await countInserts(databaseUrl);
    if (seen !== text) figures['missedCharacters']! += Math.max(1, text.length - seen.length);
  }
  return judge('inserts', figures, [
    { figure: 'atOnceInserts', below: 150 },
    { figure: 'fastInserts', below: 150 },
    { figure: 'missedCharacters', atMost: 0 },
  ]);
}

/** Returns the text of a run as its reader sees it while it is written. */
async function readText(client: LonghaulClient): Promise<string> {
  const { id } = await client.submit({ agent: AGENT, prompt: 'Talk.' });
  let text = '';
  for await (const event of client.stream(id)) {
    if (event.type === 'agent.text.delta') text += event.data.text;
  }
  return text;
}

async function countInserts(databaseUrl: string): Promise<number> {
  const [row] = await queryPostgres(
    databaseUrl,
    `select sum(calls)::int as inserts from pg_stat_statements
      where query ~* 'insert into' and dbid = (select oid from pg_database where datname = current_database())`,
  );
  return Number(row?.['inserts']);
}
