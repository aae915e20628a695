import type { Config } from '../config/config.ts';
import { LonghaulError } from '../core/errors.ts';
import { toPlainVariables } from './plain-variables.ts';

/** Choices that the configuration does not contain. */
export interface DeployChoices {
  /** Directory of the application: its `node_modules` and `longhaul.config.ts`. */
  readonly appDir: string;
  /** Directory for the processes' own files, and their home. */
  readonly dataDir: string;
  /** Directory that contains a file for each secret. */
  readonly secretsDir: string;
  readonly logDir: string;
  /** System user of the processes. */
  readonly user: string;
  /** `PATH` of the processes. */
  readonly path: string;
  /** Number of workers. */
  readonly workers: number;
  /** Name of the container image. */
  readonly image: string;
}

/** Facts that deployment files contain. */
export interface DeployFacts extends DeployChoices {
  /** Time that a supervisor waits after SIGTERM before it kills: the outermost timeout of the chain, a whole number. */
  readonly stopWaitSeconds: number;
  /** Time that whatever stops the supervisor waits. */
  readonly outerStopWaitSeconds: number;
  readonly port: number;
  /** Port of a worker for probes, or null for none. */
  readonly metricsPort: number | null;
  /** Memory that a worker's slots need, in megabytes. */
  readonly workerMemoryMb: number;
  readonly secrets: readonly DeploySecret[];
  /** Variables that are no secrets. */
  readonly variables: Readonly<Record<string, string>>;
}

/** A secret of the processes: a file, whose name the variable `NAME_FILE` gives them. */
export interface DeploySecret {
  readonly variable: string;
  /** Name of its file, such as `database-url`. */
  readonly name: string;
}

/** Kind of a process. */
export type DeployRole = 'server' | 'worker';

/** Returns the secrets of a process. A worker executes agents, and needs no admin key. */
export function secretsOf({ secrets }: Pick<DeployFacts, 'secrets'>, role: DeployRole): readonly DeploySecret[] {
  return role === 'server' ? secrets : secrets.filter(({ variable }) => variable !== 'LONGHAUL_ADMIN_KEY');
}

/** Choices when nothing else is said. */
export const DEFAULT_CHOICES: DeployChoices = {
  appDir: '/srv/longhaul',
  dataDir: '/var/lib/longhaul',
  secretsDir: '/etc/longhaul/secrets',
  logDir: '/var/log/longhaul',
  user: 'longhaul',
  path: '/usr/local/bin:/usr/bin:/bin',
  workers: 2,
  image: 'longhaul',
};

/** Forms that need no quotes in any of the files. */
const FORMS: Readonly<Record<Exclude<keyof DeployChoices, 'workers'>, RegExp>> = {
  appDir: /^\/[\w./-]*$/,
  dataDir: /^\/[\w./-]*$/,
  secretsDir: /^\/[\w./-]*$/,
  logDir: /^\/[\w./-]*$/,
  user: /^[a-z_][\w-]*$/,
  path: /^\/[\w./:@+-]*$/,
  image: /^[a-z0-9][\w./:@-]*$/,
};

const OUTER_EXTRA_SECONDS = 10;

/** A worker's own process, in megabytes. */
const WORKER_MB = 512;

/** Memory of a slot whose agents have not been measured, in megabytes: with it the worker fills most of its slots. */
const SLOT_MB = 512;

/**
 * Returns what the files of a deployment contain, from the configuration in force and the variables it was read with.
 * @throws {LonghaulError} `usage` when a choice or a variable has characters that the files cannot contain.
 */
export function toDeployFacts(
  config: Pick<Config, 'agents' | 'worker' | 'port' | 'secretVariables' | 'providers'>,
  { env, choices }: { env: Readonly<Record<string, string | undefined>>; choices: DeployChoices },
): DeployFacts {
  checkChoices(choices);
  const stopWaitSeconds = Math.ceil(config.worker.stopWaitSeconds);
  const slotMb = Math.max(...[...config.agents.values()].map(({ limits }) => Math.min(limits.maxMemoryMb, SLOT_MB)));
  return {
    ...choices,
    stopWaitSeconds,
    outerStopWaitSeconds: stopWaitSeconds + OUTER_EXTRA_SECONDS,
    // 0 chooses a free port, which nothing outside could find.
    port: config.port === 0 ? 4400 : config.port,
    metricsPort: toPort(env['LONGHAUL_METRICS_PORT']),
    workerMemoryMb: WORKER_MB + config.worker.slots * slotMb,
    secrets: findSecrets(config),
    variables: toPlainVariables(env),
  };
}

function checkChoices(choices: DeployChoices): void {
  for (const [name, form] of Object.entries(FORMS)) {
    const value = choices[name as keyof typeof FORMS];
    if (form.test(value)) continue;
    const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new LonghaulError('usage', {
      message: `--${option} is ${JSON.stringify(value)}, which the files cannot contain: use ${name === 'user' || name === 'image' ? 'a name' : 'an absolute path'} of letters, digits, ".", "_", "-" and "/".`,
    });
  }
}

/** Every deployment has a database and an admin key, and a provider's key unless it has other credentials. */
function findSecrets({ providers, secretVariables }: Pick<Config, 'providers' | 'secretVariables'>): DeploySecret[] {
  const isScripted = providers.get('default')?.kind === 'scripted';
  const names = new Set([
    'LONGHAUL_DATABASE_URL',
    'LONGHAUL_ADMIN_KEY',
    ...(isScripted ? ['ANTHROPIC_API_KEY'] : []),
    ...secretVariables,
  ]);
  return [...names].map((variable) => ({
    variable,
    name: variable
      .replace(/^LONGHAUL_/, '')
      .toLowerCase()
      .replaceAll('_', '-'),
  }));
}

function toPort(value: string | undefined): number | null {
  const port = Number(value ?? Number.NaN);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}
