import { chown, chmod, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { makeCertificates } from './support/certificates.ts';
import { readExamples } from './support/doc-examples.ts';
import { createPostgresServer, type PostgresServer } from './support/postgres-server.ts';

describe('a PostgreSQL with a certificate of a private authority', () => {
  let server: PostgresServer;
  let authorityFile: string;
  let named: string;

  beforeAll(async () => {
    const created = await createPostgresServer({ settings: ['ssl=on'] });
    ({ server } = created);
    await created.initialise();
    const { authority, certificate, key } = await makeCertificates();
    const owner = await stat(server.databaseDir);
    const write = async (name: string, text: string) => {
      const file = path.join(server.databaseDir, name);
      await writeFile(file, text);
      await chown(file, owner.uid, owner.gid);
      await chmod(file, 0o600);
      return file;
    };
    await write('server.crt', certificate);
    await write('server.key', key);
    authorityFile = path.join(path.dirname(server.databaseDir), 'ca.pem');
    await writeFile(authorityFile, authority);
    named = server.url.replace('127.0.0.1', 'localhost');
    await server.start();
    await created.createDatabase();
  });
  afterAll(() => server.close());

  /** The documented parameters, with the path of this authority's file. */
  const documented = async () => {
    const example = (await readExamples('docs/operations.md', 'sh')).join('');
    const [, parameters = ''] = /longhaul\?(sslmode=verify-full&sslrootcert=\S+)'/.exec(example) ?? [];
    return parameters.replace('/etc/longhaul/ca.pem', authorityFile);
  };

  it('is reached, encrypted, with the documented parameters', async () => {
    const database = await openPostgresDatabase({ url: `${named}?${await documented()}` });
    const { rows } = await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(database.sql);
    expect(rows).toEqual([{ ssl: true }]);
    await database.listen('longhaul_events', () => {});
    await database.close();
  });

  it('is not trusted without that authority, or under a name that is not in the certificate', async () => {
    const opening = openPostgresDatabase({ url: `${named}?sslmode=verify-full` });
    await expect(opening).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringMatching(/certificate/) as string,
    });
    await expect(openPostgresDatabase({ url: `${server.url}?${await documented()}` })).rejects.toMatchObject({
      message: expect.stringMatching(/does not match certificate/) as string,
    });
  });
});
