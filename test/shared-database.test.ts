import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type EventResource, type LonghaulClient, type RunResource } from '../src/client/client.ts';
import { createLog } from '../src/core/log.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { createLonghaul, type Longhaul } from '../src/longhaul.ts';
import { say, startScriptedModel, turn, useTool, type ScriptedModel } from '../src/testing/index.ts';
import { createPostgresDatabase } from './support/databases.ts';

// A server and workers as separate Longhauls, as on separate machines, that share only a PostgreSQL.

const usage = { inputTokens: 1_000, outputTokens: 100 };

describe('a server and workers on one PostgreSQL', () => {
  let directory: string;
  let postgres: { url: string; drop: () => Promise<void> };
  let model: ScriptedModel;
  let server: Longhaul;
  let client: LonghaulClient;
  const others: Longhaul[] = [];

  const create = (name: string, roles: ('server' | 'worker')[]) =>
    createLonghaul(
      {
        agents: {
          reader: { model: 'claude-sonnet-4-5', tools: ['Read'], prewarm: false, workspace: './workspace' },
          teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false },
        },
        worker: { slots: 2 },
      },
      {
        roles,
        log: createLog('silent'),
        baseDir: directory,
        env: {
          LONGHAUL_DATABASE_URL: postgres.url,
          LONGHAUL_DATA_DIR: path.join(directory, name),
          ANTHROPIC_BASE_URL: model.url,
          ANTHROPIC_API_KEY: 'scripted',
        },
      },
    );
  const startWorker = async (name: string) => {
    const worker = create(name, ['worker']);
    others.push(worker);
    await worker.start();
    return worker;
  };

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-shared-'));
    await mkdir(path.join(directory, 'workspace'));
    await writeFile(path.join(directory, 'workspace/notes.md'), 'Drive far.\n');
    postgres = await createPostgresDatabase();
    model = await startScriptedModel({
      script({ prompt, turn: count }) {
        if (prompt === 'unstorable') return turn(say('unstorable'), { usage });
        if (prompt === 'slow') return turn(say('word '.repeat(60), { chunks: 60, chunkDelayMs: 50 }), { usage });
        return count === 0
          ? turn(useTool('Read', { file_path: 'notes.md' }), { usage })
          : turn(say('All read.'), { usage });
      },
    });
    server = create('server', ['server']);
    await server.start();
    const apiKey = (await readFile(path.join(directory, 'server/admin-key'), 'utf8')).trim();
    client = createClient({ url: 'http://longhaul.test', apiKey, fetch: server.fetch });
  });

  afterAll(async () => {
    await Promise.all(others.map((longhaul) => longhaul.stop()));
    await server.stop();
    await model.close();
    await postgres.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const ended = async (id: string): Promise<RunResource> => {
    for (;;) {
      const run = await client.run(id, { waitSeconds: 60 });
      if (run.finishedAt !== null) return run;
    }
  };
  const follow = async (id: string, onEvent: (event: EventResource) => void = () => {}): Promise<EventResource[]> => {
    const events: EventResource[] = [];
    for await (const event of client.stream(id)) {
      events.push(event);
      onEvent(event);
    }
    return events;
  };
  const expectGapFree = (events: EventResource[]) =>
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));

  it('keeps a run queued until there is a worker, then executes it and streams it from the server', async () => {
    const run = await client.submit({ agent: 'reader', prompt: 'read' });
    expect(await client.run(run.id, { waitSeconds: 0.5 })).toMatchObject({ status: 'queued' });
    const following = follow(run.id);
    await startWorker('first');
    const events = await following;
    expectGapFree(events);
    expect(events.at(-1)).toMatchObject({ type: 'run.succeeded', data: { result: 'All read.', costUsd: 0.009 } });
  });

  it('cancels a run that another process executes', async () => {
    const run = await client.submit({ agent: 'teller', prompt: 'slow' });
    const events = await follow(run.id, ({ type }) => {
      if (type === 'agent.text.delta') void client.cancel(run.id);
    });
    expect(events.at(-1)?.type).toBe('run.cancelled');
    const cancelled = await ended(run.id);
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    expect(cancelled.costUsd).toBeGreaterThan(0);
  });

  it('ends a run whose settlement the database refuses, with its cost, and frees its slot', async () => {
    const operator = await openPostgresDatabase({ url: postgres.url });
    await sql`alter table longhaul.runs add constraint refuses check (result is distinct from 'unstorable')`.execute(
      operator.sql,
    );
    const runs = await Promise.all([1, 2, 3].map(() => client.submit({ agent: 'teller', prompt: 'unstorable' })));
    for (const { id } of runs) {
      expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'internal_error' }, costUsd: 0.0045 });
      expectGapFree(await follow(id));
    }
    await sql`alter table longhaul.runs drop constraint refuses`.execute(operator.sql);
    await operator.close();
  });

  it('loses nothing when every connection to the database is cut while a run streams', async () => {
    const killer = await openPostgresDatabase({ url: postgres.url });
    const run = await client.submit({ agent: 'teller', prompt: 'slow' });
    let cuts = 0;
    const events = await follow(run.id, ({ type }) => {
      if (type === 'agent.text.delta' && cuts++ === 3) {
        void sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
          killer.sql,
        );
      }
    });
    expectGapFree(events);
    const said = events.flatMap((event) => (event.type === 'agent.text.delta' ? [event.data.text] : []));
    expect(said.join('')).toBe('word '.repeat(60));
    expect(events.at(-1)?.type).toBe('run.succeeded');
    await killer.close();
  });

  it('hands the runs of a worker that stops to another, which finishes them', async () => {
    const [leaving] = others;
    const run = await client.submit({ agent: 'teller', prompt: 'slow' });
    const following = follow(run.id, ({ type, attempt }) => {
      if (type !== 'agent.text.delta' || attempt !== 1) return;
      void leaving?.stop();
      if (others.length === 1) void startWorker('second');
    });
    const events = await following;
    expectGapFree(events);
    expect(events.flatMap((event) => (event.type === 'run.queued' ? [event.data.reason] : []))).toEqual([
      'submitted',
      'handed_back',
    ]);
    expect(events.at(-1)?.type).toBe('run.succeeded');
    const run2 = await ended(run.id);
    expect(run2).toMatchObject({ status: 'succeeded', attempt: 2 });
    const costs =
      run2.attempts?.map(({ meteredCostUsd, reportedCostUsd }) => Math.max(meteredCostUsd, reportedCostUsd ?? 0)) ?? [];
    expect(run2.costUsd).toBeCloseTo(
      costs.reduce((sum, cost) => sum + cost, 0),
      6,
    );
  });

  it('shows each living worker, with its host, pid and slots', async () => {
    const apiKey = (await readFile(path.join(directory, 'server/admin-key'), 'utf8')).trim();
    const response = await server.fetch(
      new Request('http://longhaul.test/v1/workers', { headers: { authorization: `Bearer ${apiKey}` } }),
    );
    expect(await response.json()).toMatchObject({ data: [{ pid: process.pid, slots: 2, running: 0 }] });
  });
});
