import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { SAMPLE_CONFIG, toDeploySamples } from '../../scripts/deploy-samples.ts';
import { findManifestFaults } from '../../test/support/kubernetes-keys.ts';
import { runCommand } from '../../test/support/run-command.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { resolveConfig } from '../config/resolve.ts';
import { DEFAULT_CHOICES, toDeployFacts, type DeployChoices } from './deploy-facts.ts';
import { DEPLOY_KINDS, toDeployFiles, type DeployKind } from './deployment.ts';
import { writeDeployFiles } from './write-files.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

interface Given {
  readonly config?: Partial<LonghaulConfig>;
  readonly env?: Record<string, string>;
  readonly choices?: Partial<DeployChoices>;
}

function filesOf(kind: DeployKind, { config = {}, env = {}, choices = {} }: Given = {}) {
  const resolved = resolveConfig({ input: { ...SAMPLE_CONFIG, ...config }, baseDir: '/app', env });
  return toDeployFiles(kind, toDeployFacts(resolved, { env, choices: { ...DEFAULT_CHOICES, ...choices } }));
}

const textOf = (kind: DeployKind, given?: Given) =>
  filesOf(kind, given)
    .map(({ content }) => content)
    .join('\n');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'longhaul-deploy-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('deployment files', () => {
  it('are in deploy/ as the command prints them for the default configuration', async () => {
    const samples = toDeploySamples();
    for (const { path: name, content } of samples) {
      expect(readFileSync(path.join(ROOT, 'deploy', name), 'utf8'), `${name}: run npm run docs`).toBe(content);
    }
    const found = DEPLOY_KINDS.flatMap((kind) =>
      readdirSync(path.join(ROOT, 'deploy', kind), { recursive: true, withFileTypes: true }),
    );
    expect(found.filter((file) => file.isFile())).toHaveLength(samples.length);

    await writeFile(path.join(directory, 'longhaul.config.mjs'), `export default ${JSON.stringify(SAMPLE_CONFIG)};\n`);
    const { exitCode, stdout } = await runCommand(['deploy', 'kubernetes'], {
      cwd: directory,
      env: { PATH: process.env['PATH'] ?? '' },
    });
    expect(exitCode).toBe(0);
    expect(stdout).toBe(readFileSync(path.join(ROOT, 'deploy/kubernetes/longhaul.yaml'), 'utf8'));
  });

  it('begin with a comment, and each has the stop wait of the configuration', () => {
    const config = { worker: { stopWaitSeconds: 320.5, drainTimeoutSeconds: 300 } };
    for (const kind of DEPLOY_KINDS) {
      const text = textOf(kind, { config });
      for (const { content } of filesOf(kind)) expect(content).toMatch(/^# [A-Z]/);
      expect(text).toMatch(
        /stopwaitsecs=321\n|TimeoutStopSec=321\n|stop_grace_period: 321s\n|--stop-timeout 321 |terminationGracePeriodSeconds: 321\n/,
      );
      expect(text).not.toContain('210');
    }
    expect(textOf('supervisor', { config })).toContain('TimeoutStopSec=331\n');
  });

  it('name the secrets that are set and those of the configuration, without their values', () => {
    const env = {
      ANTHROPIC_AUTH_TOKEN: 'value-of-a-secret',
      SLACK_URL: 'https://hooks.slack.com/value-of-a-secret',
      TRACKER_TOKEN: 'value-of-a-secret',
      LONGHAUL_DATABASE_URL: 'postgres://u:value-of-a-secret@db/longhaul',
      LONGHAUL_RUN_TIMEOUT_SECONDS: '90',
      LONGHAUL_METRICS_PORT: '9464',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20value-of-a-secret',
    };
    const reader = {
      tools: ['mcp__tracker'],
      mcpServers: { tracker: { url: 'https://mcp.test', headers: { authorization: 'Bearer ${TRACKER_TOKEN}' } } },
    };
    const config: Partial<LonghaulConfig> = {
      agents: { reader },
      alerts: { channels: [{ type: 'slack', url: { env: 'SLACK_URL' } }] },
    };
    for (const kind of DEPLOY_KINDS) {
      const text = textOf(kind, { config, env });
      for (const name of ['LONGHAUL_DATABASE_URL', 'ANTHROPIC_AUTH_TOKEN', 'SLACK_URL', 'TRACKER_TOKEN']) {
        expect(text).toContain(`${name}_FILE`);
      }
      expect(text).not.toContain('value-of-a-secret');
      expect(text).not.toContain('ANTHROPIC_API_KEY');
      if (kind === 'docker') continue;
      expect(text).toContain('LONGHAUL_RUN_TIMEOUT_SECONDS');
      expect(text).toContain('http://collector.test:4318');
    }
  });

  it('give a worker no admin key', () => {
    const [worker = ''] = textOf('supervisor').split('[program:longhaul-worker]').slice(1);
    expect(worker).toContain('LONGHAUL_DATABASE_URL_FILE');
    expect(worker).not.toContain('ADMIN_KEY');
    const unit = filesOf('systemd').find(({ path: name }) => name === 'longhaul-worker@.service')?.content;
    expect(unit).not.toContain('admin-key');
    const { services } = parse(textOf('compose').split('\n# Checksum')[0] ?? '', { merge: true }) as {
      services: Record<string, { secrets: string[] }>;
    };
    expect(services['worker']?.secrets).toEqual(['database-url', 'anthropic-api-key']);
    expect(services['server']?.secrets).toContain('admin-key');
  });

  it.each<[Given, string]>([
    [{ choices: { appDir: '/srv/my app' } }, '--app-dir is "/srv/my app"'],
    [{ choices: { user: 'x\nuser=root' } }, '--user is'],
    [{ choices: { path: '%(x)s' } }, '--path is'],
    [{ env: { ANTHROPIC_BASE_URL: 'https://u:p@proxy.test' } }, 'ANTHROPIC_BASE_URL has a user or a password'],
    [{ env: { AWS_REGION: 'a"b' } }, 'AWS_REGION has characters'],
  ])('are refused where a value would break them: %j', (given, words) => {
    expect(() => filesOf('supervisor', given)).toThrow(words);
  });
});

describe('the directory of deployment files', () => {
  const names = ['longhaul-server.service', 'longhaul-worker@.service', 'longhaul.target'];

  it('keeps a file that was changed by hand, and writes nothing then, unless forced', async () => {
    const out = path.join(directory, 'kept');
    const write = (files: ReturnType<typeof filesOf>, isForced = false) => writeDeployFiles(files, { out, isForced });
    const first = filesOf('systemd');
    expect(write(first)).toEqual(names.map((name) => ({ path: name, status: 'written' })));
    expect(write(first)).toEqual(names.map((name) => ({ path: name, status: 'unchanged' })));

    // Its own files are replaced when the configuration has changed.
    const second = filesOf('systemd', { choices: { workers: 3 } });
    expect(
      write(second)
        .filter(({ status }) => status === 'written')
        .map(({ path: name }) => name),
    ).toEqual(names);

    const target = path.join(out, 'longhaul.target');
    const changed = (await readFile(target, 'utf8')).replace('Description=Longhaul', 'Description=Ours');
    await writeFile(target, changed);
    expect(() => write(first)).toThrow(/longhaul\.target\. Nothing was written/);
    expect(await readFile(path.join(out, 'longhaul-worker@.service'), 'utf8')).toBe(second[1]?.content);
    expect(await readFile(target, 'utf8')).toBe(changed);
    write(first, true);
    expect(await readFile(target, 'utf8')).toBe(first[2]?.content);
  });

  it('gets a clear error where it cannot be written', async () => {
    await writeFile(path.join(directory, 'a-file'), '');
    const out = path.join(directory, 'a-file/below');
    expect(() => writeDeployFiles(filesOf('docker'), { out, isForced: false })).toThrow(/cannot be written to .*--out/);
  });
});

describe('validators', () => {
  it('find no unknown key in the Kubernetes manifests', () => {
    for (const env of [{}, { LONGHAUL_METRICS_PORT: '9464', AWS_REGION: 'eu-west-1' }]) {
      const manifests = parseAllDocuments(textOf('kubernetes', { env })).map((one) => one.toJS() as unknown);
      expect(manifests).toHaveLength(6);
      expect(manifests.flatMap(findManifestFaults)).toEqual([]);
    }
    const [, service] = parseAllDocuments(textOf('kubernetes').replace('targetPort', 'targetport'));
    expect(findManifestFaults(service?.toJS())).toEqual(['Service.spec.ports.0.targetport is unknown']);
  });

  it('accept the Compose file', () => {
    const schema = JSON.parse(readFileSync(path.join(ROOT, 'test/fixtures/compose-spec.json'), 'utf8')) as object;
    const ajv = new Ajv({ strict: false, allErrors: true });
    (addFormats as unknown as (given: Ajv) => void)(ajv);
    const validate = ajv.compile({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#' });
    const read = (text: string) => parse(text, { merge: true }) as unknown;
    const compose = (given?: Given) => filesOf('compose', given)[0]?.content ?? '';
    for (const env of [{}, { LONGHAUL_METRICS_PORT: '9464' }]) {
      validate(read(compose({ env })));
      expect(validate.errors).toBeNull();
    }
    expect(validate(read(compose().replace('stop_grace_period', 'stop_grace')))).toBe(false);
  });

  const hasAnalyze = existsSync('/usr/bin/systemd-analyze');
  it.runIf(hasAnalyze || process.env['CI'])('accept the systemd units without a word', async () => {
    const appDir = path.join(directory, 'app');
    const bin = path.join(appDir, 'node_modules/.bin');
    await mkdir(bin, { recursive: true });
    await writeFile(path.join(bin, 'longhaul'), '#!/bin/sh\n');
    await chmod(path.join(bin, 'longhaul'), 0o755);
    const units = path.join(directory, 'units');
    const files = filesOf('systemd', { choices: { appDir, user: userInfo().username } });
    writeDeployFiles(files, { out: units, isForced: false });
    const verify = async () => {
      const names = ['longhaul-server.service', 'longhaul-worker@1.service', 'longhaul.target'];
      const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', ...names], {
        cwd: units,
        env: { PATH: process.env['PATH'], SYSTEMD_UNIT_PATH: `${units}:` },
      });
      return stderr;
    };
    expect(await verify()).toBe('');
    const unit = path.join(units, 'longhaul-server.service');
    await writeFile(unit, (await readFile(unit, 'utf8')).replace('KillMode=', 'KilMode='));
    expect(await verify()).toContain('KilMode');
  });
});
