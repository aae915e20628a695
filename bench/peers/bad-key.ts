import { CONTENDERS } from './peer.ts';
import { createRows, startStack, type Rows, type Setup } from './setup.ts';
import { toPrompt } from './task.ts';
import { untilCalled } from './until-called.ts';

/**
 * Begins to measure the seconds from a submission until its reader learns that it failed, when the provider refuses the
 * key. Resolves when all contenders have received the refusal: from then on they only wait, some for three minutes.
 */
export async function beginBadKey(setup: Setup): Promise<{ readonly finished: Promise<Rows> }> {
  const found = createRows();
  const waiting: Promise<void>[] = [];
  for (const contender of CONTENDERS) {
    const stack = await startStack(setup, { contender, scope: setup.bench, isWarm: false });
    await stack.startWorker('bad');
    const startedAt = performance.now();
    const run = await stack.submit(toPrompt({ kind: 'refuse', name: contender }));
    const ended = Promise.resolve(run?.follow()).then(() => {
      found.add(contender, { badKeySeconds: (performance.now() - startedAt) / 1_000 });
    });
    ended.catch(() => {}); // `finished` reports it.
    waiting.push(ended);
    await untilCalled(setup.model, { names: [contender], times: 1 });
  }
  const finished = Promise.all(waiting).then(() => found.rows);
  finished.catch(() => {}); // Its caller awaits it later.
  return { finished };
}
