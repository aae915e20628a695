import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createClient, type LonghaulClient } from '../../src/client/client.ts';
import { startScriptedModel, type ScriptedModel } from '../../src/testing/index.ts';
import { findFreePort } from '../../test/support/embedded-postgres.ts';
import { startPostgresServer } from '../../test/support/postgres-server.ts';
import { writeHistory } from './sample-history.ts';
import { sampleScript } from './sample-model.ts';

// Starts a fleet with a history, to try the dashboard: node scripts/dashboard/sample-fleet.ts [PORT]

const root = path.resolve(import.meta.dirname, '../..');
const MAIN = path.join(root, 'src/cli/main.ts');

const CONFIG = `export default {
  agents: {
    support: { model: 'claude-sonnet-4-5', tools: ['Read', 'Grep', 'Glob', 'AskUserQuestion'], workspace: './workspace', prewarm: 1 },
    invoices: {
      model: 'claude-sonnet-4-5',
      tools: ['Read', 'Grep', 'Glob', 'Edit', 'Agent'],
      workspace: { root: './runs', mode: 'perRun', from: './workspace' },
      subagents: { dispatcher: { description: 'Looks up tours.', prompt: 'You look up tours.', tools: ['Grep', 'Read'], model: 'claude-haiku-4-5' } },
    },
    deployer: { model: 'claude-sonnet-4-5', tools: ['Read', 'Bash'], ask: ['Bash'], approvals: { holdSeconds: 2 }, limits: { maxBudgetUsd: 0.5 } },
  },
  limits: {
    perUser: { runsPerMinute: false, usdPerDay: 40 },
    perTeam: { usdPerDay: 150, usdPerMonth: 2500 },
    global: { usdPerDay: 250, usdPerMonth: 4000 },
  },
  alerts: { queueDepth: 50, errorRate: { share: 0.2, minRuns: 20, windowMinutes: 15 } },
  webhooks: { allowHttp: true, allowPrivateAddresses: true },
};`;

export interface SampleFleet {
  readonly url: string;
  readonly client: LonghaulClient;
  readonly apiKey: string;
  readonly model: ScriptedModel;
  stop(): Promise<void>;
}

interface SampleOptions {
  readonly port?: number;
  readonly runs?: number;
  readonly workers?: number;
}

/** Starts PostgreSQL, a scripted model, a server and workers, with a history and a few runs in progress. */
export async function startSampleFleet({ port, runs = 6_000, workers = 2 }: SampleOptions = {}): Promise<SampleFleet> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-sample-'));
  const stops: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  const stop = async () => {
    for (const one of stops.splice(0).reverse()) await one().catch(() => {});
  };
  try {
    await cp(path.join(root, 'examples/workspace'), path.join(directory, 'workspace'), { recursive: true });
    await mkdir(path.join(directory, 'runs'));
    await writeFile(path.join(directory, 'longhaul.config.mjs'), CONFIG);
    const postgres = await startPostgresServer();
    stops.push(() => postgres.close());
    const model = await startScriptedModel({ script: sampleScript, keepRequests: 0 });
    stops.push(() => model.close());
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: directory,
      TMPDIR: directory,
      LONGHAUL_DATABASE_URL: postgres.url,
      LONGHAUL_LOG_LEVEL: 'warn',
      LONGHAUL_PORT: String(port ?? (await findFreePort())),
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'scripted',
    };
    const url = await start(['server'], { directory, env, stops });
    const apiKey = (await readFile(path.join(directory, '.longhaul/admin-key'), 'utf8')).trim();
    const client = createClient({ url, apiKey });
    const { keyId } = await client.signedIn();
    await writeHistory(postgres.url, { runs, keyId });
    for (let worker = 0; worker < workers; worker++) await start(['worker'], { directory, env, stops });
    return { url, client, apiKey, model, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface StartOptions {
  readonly directory: string;
  readonly env: Record<string, string>;
  readonly stops: (() => Promise<unknown>)[];
}

async function start(command: string[], { directory, env, stops }: StartOptions): Promise<string> {
  const child = spawn(process.execPath, ['--conditions=longhaul-source', MAIN, ...command], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stops.push(() => end(child));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.includes('is running')) resolve('');
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url !== undefined) resolve(url);
  });
  child.once('exit', (code) => reject(new Error(`longhaul ${command.join(' ')} ended with ${code}.`)));
  return promise;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGTERM'), 1_000).unref();
  await ended;
}

/** Submits runs of every kind: runs that succeed, wait for a person, fail, or belong to schedules. */
export async function fillSampleFleet({ client }: SampleFleet): Promise<void> {
  const submit = (agent: string, prompt: string, user: string, team = 'north') =>
    client.submit({ agent, prompt, user, team, metadata: { source: 'portal', ticket: 4711 } });
  await client.createSchedule({
    name: 'Morning report',
    agent: 'support',
    prompt: 'Sum up what came in overnight, three sentences.',
    cron: '30 7 * * 1-5',
    timeZone: 'Europe/Berlin',
  });
  const weekly = await client.createSchedule({
    name: 'Weekly statement',
    agent: 'invoices',
    prompt: 'Which invoices are overdue, and why?',
    cron: '0 6 * * 1',
    timeZone: 'Europe/Berlin',
    team: 'north',
  });
  await client.pauseSchedule(weekly.id);
  await client.createKey({ name: 'portal of north', team: 'north' });
  await client.createKey({ name: 'nightly report', scopes: ['runs:read'] });
  await client.createWebhook({
    url: 'http://127.0.0.1:4999/hooks/longhaul',
    description: 'CRM',
    events: ['run.failed'],
  });
  await submit('invoices', 'Which invoices of Müller & Co are overdue, and why?', 'ann');
  await submit('invoices', 'Correct the handover of week 32', 'bob');
  await submit('support', 'This one is overloaded', 'cleo', 'south');
  await submit('support', 'Please refuse this one', 'dev', 'west');
  await submit('deployer', 'Restart the tracking service, it answers with 502 since the last release', 'eva');
  await submit('support', 'Which depot is best for the tour to Kiel?', 'finn', 'south');
}

if (process.argv[1] === import.meta.filename) {
  const fleet = await startSampleFleet({ port: Number(process.argv[2] ?? 4400) });
  await fillSampleFleet(fleet).catch(async (error: unknown) => {
    await fleet.stop();
    throw error;
  });
  const { code } = await fleet.client.createSignInCode();
  console.log(`${fleet.url}/#code=${code}`);
  console.log(fleet.apiKey);
  const finish = () => void fleet.stop().then(() => process.exit(0));
  process.once('SIGINT', finish).once('SIGTERM', finish);
}
