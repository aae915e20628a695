import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from './embedded-postgres.ts';

/** Directory of the programs of the newest PostgreSQL that Debian's package has installed, or null. */
export const debianPostgres: string | null =
  globSync('/usr/lib/postgresql/*/bin/initdb')
    .map((file) => path.dirname(file))
    .toSorted()
    .at(-1) ?? null;

/** A PostgreSQL server from Debian, whose `pg_dump` and `pg_restore` fit it. */
export interface DebianPostgres extends AsyncDisposable {
  /** Creates an empty database and returns its URL. */
  createDatabase(name: string): Promise<string>;
  /** Runs a program of the server's version, such as `pg_dump`. */
  run(program: string, ...args: string[]): Promise<void>;
}

/** Starts the server. PostgreSQL refuses to run as root: root starts it as the user of Debian's package. */
export async function startDebianPostgres(): Promise<DebianPostgres> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-debian-postgres-'));
  await chmod(directory, 0o755);
  const data = path.join(directory, 'server');
  const isRoot = process.getuid?.() === 0;
  const as = isRoot ? ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] : [];
  await mkdir(data);
  if (isRoot) await promisify(execFile)('chown', ['postgres', data]);
  const run = async (program: string, ...args: string[]) => {
    await promisify(execFile)(path.join(debianPostgres ?? '', program), args);
  };
  const runAsServer = async (program: string, ...args: string[]) => {
    const [command = '', ...rest] = [...as, path.join(debianPostgres ?? '', program), ...args];
    await promisify(execFile)(command, rest, { cwd: directory });
  };
  const port = await findFreePort();
  const cluster = path.join(data, 'cluster');
  const format = ['--username=longhaul', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'];
  await runAsServer('initdb', '--pgdata', cluster, ...format);
  const options = `-p ${port} -k ${data} -c listen_addresses=127.0.0.1 -c fsync=off`;
  await runAsServer('pg_ctl', '--pgdata', cluster, '-o', options, '--log', path.join(data, 'log'), '--wait', 'start');
  const urlOf = (name: string) => `postgres://longhaul@127.0.0.1:${port}/${name}`;
  return {
    run,
    async createDatabase(name) {
      await run('createdb', '--maintenance-db', urlOf('postgres'), name);
      return urlOf(name);
    },
    async [Symbol.asyncDispose]() {
      await runAsServer('pg_ctl', '--pgdata', cluster, '--mode=immediate', '--wait', 'stop');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
