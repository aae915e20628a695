import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { resolveConfig } from '../src/config/resolve.ts';
import { createLog } from '../src/core/log.ts';
import { createLonghaul, migrateOnly } from '../src/longhaul.ts';
import { say, startTestLonghaul, turn, useTool } from '../src/testing/index.ts';
import { readExamples } from './support/doc-examples.ts';
import { createPostgresDatabase } from './support/databases.ts';

// PostgreSQL in unusual setups: roles with few rights, unusual settings, another encoding.

const agents = { teller: { model: 'claude-sonnet-4-5', tools: ['Bash'], prewarm: false as const } };

/** Starts a whole Longhaul on the database and executes a run with a tool. */
async function runOn(databaseUrl: string): Promise<unknown> {
  const longhaul = await startTestLonghaul({
    config: { agents },
    script: ({ turn: count }) =>
      count === 0
        ? turn(useTool('Bash', { command: "printf 'a\\\\b 🙂'", description: 'print' }))
        : turn(say('größer \\ „so“ 🙂')),
    env: { LONGHAUL_DATABASE_URL: databaseUrl },
  });
  try {
    const { id } = await longhaul.client.submit({ agent: 'teller', prompt: 'O’Brien says: \\ "größer" 🙂' });
    const run = await longhaul.client.run(id, { waitSeconds: 60 });
    expect(Math.abs(Date.parse(run.createdAt) - Date.now())).toBeLessThan(120_000);
    const session = await longhaul.client.session(run.sessionId);
    expect(JSON.stringify(session)).toContain(String.raw`O’Brien says: \\ \"größer\" 🙂`);
    // The next run continues from the stored transcript.
    const next = await longhaul.client.submit({ agent: 'teller', prompt: 'And?', sessionId: run.sessionId });
    await longhaul.client.run(next.id, { waitSeconds: 60 });
    expect(JSON.stringify(longhaul.model.requests.at(-1)?.body)).toContain('größer');
    return run;
  } finally {
    await longhaul.stop();
  }
}

describe('a role that cannot change a schema', () => {
  const suffix = randomUUID().slice(0, 8);
  const [owner, app] = [`owner_${suffix}`, `app_${suffix}`];
  let postgres: Awaited<ReturnType<typeof createPostgresDatabase>>;
  let statements: string[];
  const as = (role: string) => {
    const url = new URL(postgres.url);
    [url.username, url.password] = [role, role === owner ? 'one' : 'another'];
    return url.href;
  };
  const start = async () => {
    const env = { LONGHAUL_DATABASE_URL: as(app) };
    const longhaul = createLonghaul({ agents }, { roles: ['server'], log: createLog('silent'), env });
    try {
      await longhaul.start();
    } finally {
      await longhaul.stop();
    }
  };

  beforeAll(async () => {
    postgres = await createPostgresDatabase({ isEmpty: true });
    const { pathname } = new URL(postgres.url);
    statements = (await readExamples('docs/operations.md', 'sql')).map((text) =>
      text
        .replaceAll('longhaul_owner', owner)
        .replaceAll('longhaul_app', app)
        .replaceAll('on database longhaul', `on database ${pathname.slice(1)}`),
    );
    await query(postgres.url, statements[0]!);
  });
  afterAll(async () => {
    await postgres.drop();
    await query(`${inject('postgresUrl')}/postgres`, `drop role ${app}; drop role ${owner}`);
  });

  it('gets an error that names the missing grants on an empty database', async () => {
    await expect(start()).rejects.toMatchObject({
      code: 'database_unsuitable',
      message: expect.stringMatching(new RegExp(`grant create on database \\w+ to ${app}$`)) as string,
    });
  });

  it('gets an error that names the missing grants if another role has made the schemas', async () => {
    await migrateOnly(resolveConfig({ input: { agents }, baseDir: '/', env: { LONGHAUL_DATABASE_URL: as(owner) } }), {
      makesAdminKey: false,
    });
    await expect(start()).rejects.toMatchObject({
      code: 'database_unsuitable',
      message: expect.stringContaining('usage on schema longhaul; usage on schema longhaul_queue') as string,
    });
    await query(as(owner), `grant usage on schema longhaul, longhaul_queue to ${app}`);
    await expect(start()).rejects.toMatchObject({
      code: 'database_unsuitable',
      message: expect.stringMatching(
        /(select, insert, update, delete on longhaul\.\w+; ){4}.*, and \d+ more\. As/,
      ) as string,
    });
  });

  it('runs with the documented grants, which include tables of later versions', async () => {
    await query(as(owner), statements[1]!);
    expect(await runOn(as(app))).toMatchObject({ status: 'succeeded' });
    await query(as(owner), 'create table longhaul.later (id bigserial primary key)');
    await query(as(app), 'insert into longhaul.later default values');
  });
});

describe('a database with its own settings', () => {
  const SETTINGS = {
    client_encoding: 'LATIN1',
    datestyle: 'German, DMY',
    timezone: 'Asia/Kolkata',
    intervalstyle: 'sql_standard',
    bytea_output: 'escape',
    extra_float_digits: '-15',
    standard_conforming_strings: 'off',
    transform_null_equals: 'on',
    search_path: 'nowhere',
    default_transaction_isolation: 'serializable',
    default_transaction_deferrable: 'on',
    statement_timeout: '100ms',
    lock_timeout: '1ms',
    transaction_timeout: '100ms',
    idle_in_transaction_session_timeout: '1ms',
    idle_session_timeout: '100ms',
  };

  it('works like any other', async () => {
    const postgres = await createPostgresDatabase({ isEmpty: true });
    const name = new URL(postgres.url).pathname.slice(1);
    const set = Object.entries(SETTINGS).map(
      ([setting, value]) => `alter database ${name} set ${setting} = '${value}'`,
    );
    await query(`${inject('postgresUrl')}/postgres`, set.join(';\n'));
    expect(await runOn(postgres.url)).toMatchObject({ status: 'succeeded', result: 'größer \\ „so“ 🙂' });
    await postgres.drop();
  });

  it.each(['LATIN1', 'SQL_ASCII'])('is rejected when its encoding is %s, with a remedy', async (encoding) => {
    const server = inject('postgresUrl');
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    await query(`${server}/postgres`, `create database ${name} encoding '${encoding}' locale 'C' template template0`);
    const env = { LONGHAUL_DATABASE_URL: `${server}/${name}` };
    const longhaul = createLonghaul({ agents }, { log: createLog('silent'), env });
    await expect(longhaul.start()).rejects.toMatchObject({
      code: 'database_unsuitable',
      message: expect.stringContaining(`encoding UTF8. This database has ${encoding}`) as string,
    });
    await longhaul.stop();
    await query(`${server}/postgres`, `drop database ${name} with (force)`);
  });
});

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // In separate statements, because a database cannot be created in a transaction.
    for (const statement of text.split(/;\s*$/m).filter((part) => part.trim() !== '')) await client.query(statement);
  } finally {
    await client.end();
  }
}
