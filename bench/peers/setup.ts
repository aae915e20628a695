import type { Bench } from '../bench.ts';
import type { PeersModel } from './model.ts';
import { CONTENDERS, type Contender, type Stack, type StackOptions } from './peer.ts';
import { START_STACK } from './stacks.ts';

/** The common part of all measurements of peers. */
export interface Setup {
  readonly bench: Bench;
  readonly model: PeersModel;
  readonly workspace: string;
  /** Numbers of the rounds from 0: `usual` rounds; fewer in a trial, and when they have taken `limitSeconds`. */
  rounds(usual: number, options: { limitSeconds: number }): Iterable<number>;
}

/** Rounds that are measured however long they take, for a median. */
const LEAST_ROUNDS = 2;

/** Counts rounds, at most `most` of them. */
export function createRounds(most: number): Setup['rounds'] {
  return function* count(usual, { limitSeconds }) {
    const endAt = performance.now() + limitSeconds * 1_000;
    for (let round = 0; round < Math.min(usual, most); round++) {
      if (round >= LEAST_ROUNDS && performance.now() > endAt) return;
      yield round;
    }
  };
}

/** Figures of each contender, by name. NaN: it never happened, or is not possible. */
export type Rows = Readonly<Record<string, Readonly<Partial<Record<Contender, number>>>>>;

/** Returns the contenders of a round in their order: each begins a round in turn. */
export function inOrderOf<T>(round: number, contenders: readonly T[]): T[] {
  const first = round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

/** Collects figures, contender by contender. */
export function createRows(): {
  readonly rows: Rows;
  add(contender: Contender, figures: Record<string, number>): void;
} {
  const rows: Record<string, Partial<Record<Contender, number>>> = {};
  return {
    rows,
    add(contender, figures) {
      for (const [name, value] of Object.entries(figures)) (rows[name] ??= {})[contender] = value;
    },
  };
}

/** Runs `work` with a bench whose programs end with it. */
export async function withScope<T>(bench: Bench, work: (scope: Bench) => Promise<T>): Promise<T> {
  const closers: (() => Promise<void>)[] = [];
  async function end(): Promise<void> {
    for (const close of closers.splice(0).reverse()) {
      await close().catch((error: unknown) => console.error('Something did not close cleanly:', error));
    }
  }
  // When the bench is interrupted.
  bench.onEnd(end);
  try {
    return await work({ ...bench, onEnd: (close) => void closers.push(close), endMeasurement: end });
  } finally {
    await end();
  }
}

type Options = Omit<StackOptions, 'bench' | 'modelUrl' | 'workspace'>;

/** Starts the programs of a contender without a worker. */
export function startStack(
  setup: Setup,
  { contender, scope, ...options }: Options & { contender: Contender; scope: Bench },
) {
  const { model, workspace } = setup;
  return START_STACK[contender]({ ...options, bench: scope, modelUrl: model.url, workspace });
}

/** Calls `measure` for each contender, one after another, with its programs, which end with it. */
export async function inTurn(
  setup: Setup,
  options: Options,
  measure: (contender: Contender, stack: Stack, scope: Bench) => Promise<Record<string, number>>,
): Promise<Rows> {
  const found = createRows();
  for (const contender of CONTENDERS) {
    await withScope(setup.bench, async (scope) => {
      const stack = await startStack(setup, { ...options, contender, scope });
      found.add(contender, await measure(contender, stack, scope));
    });
  }
  return found.rows;
}
