/** A row of the table in `docs/benchmark.md`. */
export interface FigureRow {
  /** The figure's name in the JSON, before the contender's. */
  readonly name: string;
  readonly label: string;
  readonly digits: number;
  readonly better: 'less' | 'more';
  /** Shown for a figure that is null: the contender cannot do it, or it never happened. */
  readonly missing?: string;
}

/** The rows, by the part that measures them. */
export const FIGURE_ROWS: readonly FigureRow[] = [
  { name: 'acceptedMs', label: 'submission to acceptance, ms', digits: 1, better: 'less' },
  { name: 'firstTextMs', label: 'submission to first text, steady, ms', digits: 0, better: 'less' },
  { name: 'coldFirstTextMs', label: 'submission to first text, worker just started, ms', digits: 0, better: 'less' },
  { name: 'runsPerMinute', label: 'runs a minute, 4 slots', digits: 0, better: 'more' },
  { name: 'cpuSecondsPerRun', label: 'processor seconds a run', digits: 2, better: 'less' },
  {
    name: 'backendCpuSecondsPerRun',
    label: 'processor seconds a run, of the database or Redis',
    digits: 2,
    better: 'less',
  },
  { name: 'memoryMib', label: 'most memory, 4 slots, MiB', digits: 0, better: 'less' },
  { name: 'killRunsLost', label: '`kill -9`: runs lost, of 4', digits: 0, better: 'less' },
  { name: 'killRunsDoneTwice', label: '`kill -9`: runs done twice, of 4', digits: 0, better: 'less' },
  { name: 'killTokensPaidTwice', label: '`kill -9`: tokens paid twice', digits: 0, better: 'less' },
  { name: 'killProcessesLeft', label: '`kill -9`: processes left after 5 s', digits: 0, better: 'less' },
  {
    name: 'killSecondsUntilAnother',
    label: '`kill -9`: seconds until another worker goes on',
    digits: 0,
    better: 'less',
    missing: 'never',
  },
  { name: 'killWordsLost', label: '`kill -9`: words lost, of 400', digits: 0, better: 'less' },
  { name: 'killWordsDoubled', label: '`kill -9`: words doubled', digits: 0, better: 'less' },
  { name: 'killWordsSeenAgain', label: '`kill -9`: words that a reader sees written again', digits: 0, better: 'less' },
  { name: 'orphanUsd', label: 'dollars spent in 15 s by the agent of a dead worker', digits: 2, better: 'less' },
  { name: 'orphanProcesses', label: 'its processes after 15 s', digits: 0, better: 'less' },
  { name: 'budgetOverUsd', label: 'dollars over a budget of $1, 50 submitters', digits: 2, better: 'less' },
  { name: 'badKeySeconds', label: 'seconds until a user learns of a bad key', digits: 1, better: 'less' },
  {
    name: 'readersP50Ms',
    label: '1,000 readers: model to reader, p50, ms',
    digits: 0,
    better: 'less',
    missing: 'not possible',
  },
  {
    name: 'readersP99Ms',
    label: '1,000 readers: model to reader, p99, ms',
    digits: 0,
    better: 'less',
    missing: 'not possible',
  },
  {
    name: 'readersWordsWrong',
    label: '1,000 readers: words lost or doubled, of 50,000',
    digits: 0,
    better: 'less',
    missing: 'not possible',
  },
  {
    name: 'readersKib',
    label: '1,000 readers: KiB of the server for each',
    digits: 0,
    better: 'less',
    missing: 'not possible',
  },
  { name: 'deployRunsLost', label: 'deploy: runs lost, of 4', digits: 0, better: 'less' },
  { name: 'deployRunsDoneTwice', label: 'deploy: runs done twice, of 4', digits: 0, better: 'less' },
  { name: 'deployTokensPaidTwice', label: 'deploy: tokens paid twice', digits: 0, better: 'less' },
  { name: 'deployProcessesLeft', label: 'deploy: processes left', digits: 0, better: 'less' },
  { name: 'deploySeconds', label: 'deploy: seconds until the old worker has ended', digits: 0, better: 'less' },
  { name: 'deployWordsLost', label: 'deploy: words lost, of 400', digits: 0, better: 'less' },
  { name: 'deployWordsDoubled', label: 'deploy: words doubled', digits: 0, better: 'less' },
];
