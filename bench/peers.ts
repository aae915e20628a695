import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { beginBadKey } from './peers/bad-key.ts';
import { measureBudget } from './peers/budget.ts';
import { measureFirstText } from './peers/first-text.ts';
import { measureDeploy, measureKill } from './peers/interruption.ts';
import { startPeersModel } from './peers/model.ts';
import { measureOrphan } from './peers/orphan.ts';
import { measureReaders } from './peers/readers.ts';
import { measureRunsPerMinute } from './peers/runs-per-minute.ts';
import { createRounds, type Rows, type Setup } from './peers/setup.ts';

/** In this order. */
const PARTS: Readonly<Record<string, (setup: Setup) => Promise<Rows>>> = {
  'first-text': measureFirstText,
  'runs-per-minute': measureRunsPerMinute,
  readers: measureReaders,
  budget: measureBudget,
  deploy: measureDeploy,
  kill: measureKill,
  orphan: measureOrphan,
};

/** The part that waits while those from `kill` on are measured. */
const BAD_KEY = 'bad-key';

/**
 * Measures Longhaul against what people would build instead, with the same model, executable and prompts, in turns. A
 * figure has the name of its contender: `firstTextMs.bullmq`. `LONGHAUL_BENCH_PARTS` (names with commas) and
 * `LONGHAUL_BENCH_ROUNDS` try it with less.
 */
export async function measurePeers(bench: Bench): Promise<Measurement> {
  const workspace = await bench.makeDirectory('workspace');
  const toolFile = path.join(workspace, 'notes.txt');
  await writeFile(toolFile, 'Nothing of note.\n');
  const model = await startPeersModel({ toolFile });
  bench.onEnd(() => model.close());
  const most = Number(process.env['LONGHAUL_BENCH_ROUNDS'] ?? Infinity);
  const setup: Setup = { bench, model, workspace, rounds: createRounds(most) };
  const chosen = process.env['LONGHAUL_BENCH_PARTS']?.split(',') ?? [...Object.keys(PARTS), BAD_KEY];
  const figures: Record<string, number> = {};
  const add = (rows: Rows) => {
    for (const [figure, byContender] of Object.entries(rows)) {
      for (const [contender, value] of Object.entries(byContender)) figures[`${figure}.${contender}`] = value;
    }
  };
  const waiting: Promise<Rows>[] = [];
  const beginToWait = async () => {
    if (waiting.length === 0 && chosen.includes(BAD_KEY)) waiting.push((await beginBadKey(setup)).finished);
  };
  for (const [name, measure] of Object.entries(PARTS)) {
    if (!chosen.includes(name)) continue;
    if (name === 'kill') await beginToWait();
    const startedAt = performance.now();
    add(await measure(setup));
    console.error(`peers, ${name}: ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  }
  await beginToWait();
  for (const rows of waiting) add(await rows);
  const bounds = ['killRunsLost', 'killWordsLost', 'killWordsDoubled', 'deployRunsLost', 'budgetOverUsd']
    .map((name) => `${name}.longhaul`)
    .filter((figure) => figure in figures);
  return judge(
    'peers',
    figures,
    bounds.map((figure) => ({ figure, atMost: 0 })),
  );
}
