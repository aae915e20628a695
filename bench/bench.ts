import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

export const DATABASE_KINDS = ['embedded', 'postgres'] as const;
export type DatabaseKind = (typeof DATABASE_KINDS)[number];

/** The environment of a measurement: databases, directories, and cleanup of everything it starts. */
export interface Bench {
  /** Registers `close` to be called when the measurement ends or is interrupted, with all others at once. */
  onEnd(close: () => Promise<void>): void;
  /** Creates a directory, which is deleted when the bench ends. */
  makeDirectory(name: string): Promise<string>;
  /** Creates an empty database, and returns the variables that point Longhaul at it. */
  createDatabase(kind: DatabaseKind): Promise<Record<string, string>>;
  /** Ends everything that was started since the last measurement. */
  endMeasurement(): Promise<void>;
  /** Ends and deletes everything. */
  close(): Promise<void>;
}

/** Creates the environment. PostgreSQL starts at its first use. */
export async function createBench(): Promise<Bench> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-bench-'));
  await chmod(directory, 0o755); // PostgreSQL's own user needs access.
  const closers: (() => Promise<void>)[] = [];
  let postgres: Promise<PostgresServer> | null = null;
  let isClosed = false;

  const makeDirectory = (name: string) => mkdtemp(path.join(directory, `${name}-`));

  async function createDatabase(kind: DatabaseKind): Promise<Record<string, string>> {
    const variables = { LONGHAUL_DATA_DIR: await makeDirectory('data') };
    if (kind === 'embedded') return variables;
    postgres ??= startPostgres(path.join(directory, 'postgres'));
    return { ...variables, LONGHAUL_DATABASE_URL: await (await postgres).createDatabase() };
  }

  async function endMeasurement(): Promise<void> {
    // At once: a fleet whose processes ended one after another would outlive the time that cleanup may take.
    await Promise.all(
      closers
        .splice(0)
        .map((close) => close().catch((error: unknown) => console.error('Something did not close cleanly:', error))),
    );
  }

  return {
    onEnd(close) {
      closers.push(close);
      // Started by a measurement that was interrupted but is still running.
      if (isClosed) void endMeasurement();
    },
    makeDirectory,
    createDatabase,
    endMeasurement,
    async close() {
      isClosed = true;
      await endMeasurement();
      await (await postgres)?.stop();
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
