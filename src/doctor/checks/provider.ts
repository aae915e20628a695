import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findExecutable } from '../../agent/process/executable.ts';
import { isTriedVersion, TRIED_VERSIONS } from '../../agent/tried-versions.ts';
import type { Config, Provider } from '../../config/config.ts';
import { ok, failed, skipped, warning, worst, type Check, type Finding, type Subject } from '../check.ts';
import { runProgram } from '../machine/run-program.ts';

export const executable: Check = {
  id: 'executable',
  theme: 'provider',
  title: 'The Claude Code executable can be started',
  docs: 'docs/configuration.md#other-options',
  async examine({ config, signal }) {
    const found = await findExecutable(config.claudePath);
    if ('problem' in found) return failed(found.problem, 'Install it, or name it with LONGHAUL_CLAUDE_PATH.');
    const version = await readVersion(found.path, signal);
    if (version === null) {
      return failed(
        `${found.path} does not start as this user`,
        'Run it with --version to see why; Alpine needs the musl package, other images glibc.',
      );
    }
    return ok(`${found.path}, version ${version}`);
  },
};

export const executableVersion: Check = {
  id: 'executable-version',
  theme: 'provider',
  title: 'The executable has the version that Longhaul was tested with',
  docs: 'docs/new-models.md#use-a-newer-claude-code',
  async examine({ config, signal }) {
    const found = await findExecutable(config.claudePath);
    if ('problem' in found) return skipped('There is no executable to ask.');
    const version = await readVersion(found.path, signal);
    if (version === null) return skipped('The executable does not say its version.');
    if (isTriedVersion(version)) return ok(`${version}, as tested`);
    return warning(
      `${found.path} is version ${version}; this Longhaul was tested with ${TRIED_VERSIONS.join(', ')}`,
      'Leave claudePath and LONGHAUL_CLAUDE_PATH out to use the tested one, or test your agents with this one.',
    );
  },
};

/** Starts it with an empty home, so that it reads and writes nothing of this user. */
async function readVersion(file: string, signal: AbortSignal): Promise<string | null> {
  const home = await mkdtemp(path.join(tmpdir(), 'longhaul-doctor-'));
  try {
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, CLAUDE_CONFIG_DIR: home, TMPDIR: home };
    const { code, stdout } = await runProgram(file, ['--version'], { signal, env });
    return code === 0 ? (/\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? null) : null;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export const credentials: Check = {
  id: 'provider-credentials',
  theme: 'provider',
  title: 'The provider of each agent has credentials',
  docs: 'docs/providers.md#choose-a-provider-for-everything',
  async examine({ config, env }) {
    const used = [...new Set([...config.agents.values()].map(({ provider }) => provider))];
    const findings = used.map((name) => judgeProvider(name, { provider: config.providers.get(name), env }));
    return worst(await Promise.all(findings), 'No agent.');
  },
};

async function judgeProvider(
  name: string,
  { provider, env }: { provider: Provider | undefined; env: Subject['env'] },
): Promise<Finding> {
  if (provider === undefined || provider.kind === 'scripted') {
    return failed(
      `${name}: no provider, so a scripted model answers`,
      'Set ANTHROPIC_API_KEY, or name a provider in the configuration.',
    );
  }
  if (provider.kind === 'anthropic') {
    const has = [provider.apiKey !== null && 'an API key', provider.authToken !== null && 'a token'].filter(Boolean);
    if (has.length > 0) return ok(`${name}: ${has.join(' and ')} for ${new URL(provider.baseUrl).host}`);
    if (Object.keys(provider.headers).length > 0) return ok(`${name}: headers for ${new URL(provider.baseUrl).host}`);
    return failed(
      `${name}: no credentials for ${new URL(provider.baseUrl).host}`,
      `Set ANTHROPIC_API_KEY, or providers.${name}.apiKey: { env: "NAME" }.`,
    );
  }
  if (provider.kind === 'bedrock') {
    if (provider.apiKey !== null || provider.accessKey !== null) return ok(`${name}: a key for ${provider.region}`);
    const isChain = ['AWS_PROFILE', 'AWS_ROLE_ARN', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'].some((one) => env[one]);
    const from = provider.profile ?? (isChain ? 'the variables' : 'the machine');
    return ok(`${name}: the AWS credential chain (${from}) for ${provider.region}; the first call will tell`);
  }
  if (provider.keyFile === null) return ok(`${name}: Google's default credentials; the first call will tell`);
  const isReadable = await access(provider.keyFile, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (isReadable) return ok(`${name}: the key file ${provider.keyFile}`);
  return failed(`${name}: the key file ${provider.keyFile} cannot be read`, `Mount it, and let this user read it.`);
}

export const secretsInGit: Check = {
  id: 'secrets-in-git',
  theme: 'provider',
  title: 'No credential is in a file that git tracks',
  docs: 'docs/operations.md#the-data-directory',
  async examine({ config, signal }) {
    const directory = config.file === null ? process.cwd() : path.dirname(config.file);
    const secrets = listSecrets(config);
    const git = ['-C', directory];
    const inside = await runProgram('git', [...git, 'rev-parse', '--show-toplevel'], { signal });
    if (inside.code === null) return skipped('git could not be run.');
    if (inside.code !== 0) return ok(`${directory} is not in a git repository.`);
    const top = inside.stdout.trim();
    const search = (args: readonly string[], input = '') =>
      runProgram('git', ['-C', top, 'grep', '--files-with-matches', ...args], { signal, input });
    const values = `${secrets.join('\n')}\n`;
    const ofVariables = ['--extended-regexp', '-e', IN_ENV_FILE, '--', '*.env', '*.env.*'];
    // In the working tree or staged: either is committed next. Git takes no patterns for "nothing".
    const ends = await Promise.all([
      ...(secrets.length === 0 ? [] : [[], ['--cached']]).map((where) =>
        search([...where, '--fixed-strings', '-f', '-'], values),
      ),
      search(ofVariables),
    ]);
    if (ends.some(({ code }) => code === null || code > 1)) return skipped(`git could not search ${top}.`);
    const files = [...new Set(ends.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean)))];
    if (files.length === 0)
      return ok(
        `No tracked file of ${top} has one of the ${secrets.length} in use, or another in a file of variables.`,
      );
    return failed(
      `A credential is in ${files.slice(0, 5).join(', ')}`,
      'Replace the credential, remove it from the file, and pass it as a variable or a file that git ignores.',
    );
  },
};

/** A credential of a provider or of Longhaul with a value, in a file of variables. */
const IN_ENV_FILE =
  '^(export +)?(ANTHROPIC_API_KEY|ANTHROPIC_AUTH_TOKEN|LONGHAUL_ADMIN_KEY|AWS_SECRET_ACCESS_KEY|AWS_BEARER_TOKEN_BEDROCK)=["\']?[^"\' $<]{12,}';

/** Lists the values that must not be committed. Short ones would be found everywhere. */
function listSecrets({ providers, adminKey, databaseUrl }: Config): string[] {
  const password = databaseUrl === null ? '' : decodeURIComponent(new URL(databaseUrl).password);
  const values = [...providers.values()].flatMap((provider) => {
    if (provider.kind === 'anthropic') return [provider.apiKey, provider.authToken];
    if (provider.kind === 'bedrock') return [provider.apiKey, provider.accessKey?.secret];
    return [];
  });
  return [...new Set([...values, adminKey, password])].filter(
    (value) => typeof value === 'string' && value.length >= 12,
  ) as string[];
}
