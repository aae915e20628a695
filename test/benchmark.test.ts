import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeCalls } from '../bench/peers/judge-calls.ts';
import { judgeWords } from '../bench/peers/judge-words.ts';
import type { ModelCall } from '../bench/peers/model.ts';
import { findAlive, killAll, readTree, untilGone } from '../bench/peers/process-tree.ts';
import { toResultSection, type BenchmarkResult } from '../bench/peers/table.ts';
import { parseTask, toPrompt, wordsOf } from '../bench/peers/task.ts';
import { insertResult, MARKERS } from '../bench/peers/write-page.ts';

const docs = path.resolve(import.meta.dirname, '../docs');

describe('the words of a text', () => {
  const text = wordsOf(0, 12).join('');

  it('are complete when each occurs once, in one paragraph or several', () => {
    expect(judgeWords(text, 12)).toEqual({ lost: 0, doubled: 0 });
    expect(judgeWords(text.replace('w5 ', '\n\nw5 ').trimEnd(), 12)).toEqual({ lost: 0, doubled: 0 });
  });

  it('are lost when they are missing, anywhere', () => {
    expect(judgeWords('', 12)).toEqual({ lost: 12, doubled: 0 });
    expect(judgeWords(text.replace('w1 ', ''), 12)).toEqual({ lost: 1, doubled: 0 });
    expect(judgeWords(text.slice(0, text.indexOf('w9')), 12)).toEqual({ lost: 3, doubled: 0 });
  });

  it('are doubled when they occur again, next to each other or later', () => {
    expect(judgeWords(text.replace('w3 ', 'w3 w3 '), 12)).toEqual({ lost: 0, doubled: 1 });
    expect(judgeWords(`${wordsOf(0, 4).join('')}${text}`, 12)).toEqual({ lost: 0, doubled: 4 });
  });
});

describe('the calls of the model', () => {
  const call = (name: string, turn: number, key = 'first'): ModelCall => ({
    task: { kind: 'work', name },
    key,
    turn,
    receivedAt: 0,
    tokens: 100 + turn,
    costUsd: 0,
  });

  it('are paid once when another worker continues a run', () => {
    expect(judgeCalls([call('a', 0), call('a', 1), call('b', 0), call('a', 2, 'second')], 3)).toEqual({
      runsDoneTwice: 0,
      tokensPaidTwice: 0,
    });
  });

  it('are paid twice when another worker repeats a turn, and a run is done twice only with its last turn', () => {
    const calls = [call('a', 0), call('a', 1), call('a', 0, 'second'), call('a', 1, 'second'), call('a', 2, 'second')];
    expect(judgeCalls(calls, 3)).toEqual({ runsDoneTwice: 0, tokensPaidTwice: 201 });
    expect(judgeCalls([...calls, call('a', 2)], 3)).toEqual({ runsDoneTwice: 1, tokensPaidTwice: 303 });
  });
});

it('the prompt of a task names it', () => {
  expect(parseTask(toPrompt({ kind: 'work', name: 'sigkill-pgBoss-3' }))).toEqual({
    kind: 'work',
    name: 'sigkill-pgBoss-3',
  });
  expect(parseTask('Please do task nothing x.')).toBeNull();
});

it('a tree has the children of a process, also after their parent was killed', async () => {
  const parent = spawn('sh', ['-c', 'sleep 60 & echo started; wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(parent, 'exit');
  await once(parent.stdout, 'data');
  const tree = await readTree([parent.pid ?? 0]);
  expect(tree.map(({ parentPid }) => parentPid)).toEqual([process.pid, parent.pid]);
  parent.kill('SIGKILL');
  await exited;
  expect(await findAlive(tree)).toEqual([tree[1]]);
  await killAll(tree);
  await untilGone(tree, 5_000);
  expect(await findAlive(tree)).toEqual([]);
});

describe('the page', () => {
  const result: BenchmarkResult = {
    date: '2026-01-02',
    commit: 'abc1234',
    machine: { cores: 2, processor: 'x', memoryGb: 8, platform: 'linux-x64', node: 'v24.0.0', loadAtStart: 0.1 },
    versions: { bullmq: '1.0.0' },
    seconds: 600,
    figures: {
      'acceptedMs.longhaul': 8,
      'acceptedMs.bullmq': 2,
      'acceptedMs.pgBoss': 7.9,
      'runsPerMinute.longhaul': 200,
      'runsPerMinute.bullmq': 100,
      'killSecondsUntilAnother.longhaul': 20,
      'killSecondsUntilAnother.sdkHandler': null,
    },
  };

  it('has a row for each figure, with the ratio to Longhaul', () => {
    const section = toResultSection(result);
    expect(section).toContain('| submission to acceptance, ms | 8.0 | – | 2.0 (0.25) | 7.9 (0.99) |');
    expect(section).toContain('| runs a minute, 4 slots | 200 | – | 100 (0.50) | – |');
    expect(section).toContain('| `kill -9`: seconds until another worker goes on | 20 | never | never | never |');
    expect(section).not.toContain('deploy');
  });

  it('lists where a peer is notably better, in either direction', () => {
    const list = (figures: BenchmarkResult['figures']) =>
      toResultSection({ ...result, figures })
        .split('\n')
        .filter((line) => line.startsWith('- '));
    expect(list(result.figures)).toEqual(['- submission to acceptance, ms: BullMQ 2.0; Longhaul 8.0']);
    expect(list({ 'runsPerMinute.longhaul': 100, 'runsPerMinute.pgBoss': 120 })).toEqual([
      '- runs a minute, 4 slots: pg-boss 120; Longhaul 100',
    ]);
    expect(list({ 'killRunsLost.longhaul': 0, 'killRunsLost.bullmq': 4 })).toEqual(['- nothing']);
    // A lost run is not paid twice.
    const paid = { 'killTokensPaidTwice.longhaul': 8, 'killTokensPaidTwice.sdkHandler': 0 };
    expect(list({ ...paid, 'killRunsLost.sdkHandler': 4 })).toEqual(['- nothing']);
    expect(list(paid)).toHaveLength(1);
  });

  it('keeps everything outside the place of the result', () => {
    const page = `before\n${MARKERS.begin}\nold\n${MARKERS.end}\nafter\n`;
    const inserted = insertResult(page, 'new');
    expect(inserted).toBe(`before\n${MARKERS.begin}\n\nnew\n\n${MARKERS.end}\nafter\n`);
    expect(insertResult(inserted, 'new')).toBe(inserted);
    expect(() => insertResult('no place', 'new')).toThrow('no place for the result');
  });

  it.runIf(existsSync(path.join(docs, 'benchmark.json')))('has the result of docs/benchmark.json', async () => {
    const stored = JSON.parse(await readFile(path.join(docs, 'benchmark.json'), 'utf8')) as BenchmarkResult;
    expect(await readFile(path.join(docs, 'benchmark.md'), 'utf8')).toContain(toResultSection(stored));
  });
});
