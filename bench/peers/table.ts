import { FIGURE_ROWS, type FigureRow } from './figures.ts';
import { CONTENDERS, type Contender } from './peer.ts';

/** The figures of a run, as its JSON has them: by `FIGURE.CONTENDER`; null for a figure that there is not. */
export type StoredFigures = Readonly<Record<string, number | null>>;

/** The machine of a run. It has no name. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
  /** Load of the last minute before the run: other programs. */
  readonly loadAtStart: number;
}

/** A run of the benchmark, as `docs/benchmark.json` keeps it. */
export interface BenchmarkResult {
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly figures: StoredFigures;
}

const NAMES: Readonly<Record<Contender, string>> = {
  longhaul: 'Longhaul',
  sdkHandler: 'SDK in a handler',
  bullmq: 'BullMQ',
  pgBoss: 'pg-boss',
};

/** A peer is better when its figure is so much better: less is within what two runs differ by. */
const NOTABLE = 1.1;

/** Writes the part of `docs/benchmark.md` that a run makes: machine, table, and where a peer is better. */
export function toResultSection(result: BenchmarkResult): string {
  const { cores, processor, memoryGb, platform, node, loadAtStart } = result.machine;
  const versions = Object.entries(result.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured on ${result.date} at \`${result.commit}\`, in ${Math.round(result.seconds / 60)} minutes, on ${cores} cores ` +
      `(${processor}) with ${memoryGb} GB, ${platform}, Node ${node}; load at the start ${loadAtStart}. ` +
      `Versions: ${versions.join(', ')}.`,
    '',
    ...toTable(result.figures),
    '',
    'In this run, a peer was better than Longhaul by more than a tenth in:',
    '',
    ...toAdvantages(result.figures),
  ].join('\n');
}

function toTable(figures: StoredFigures): string[] {
  const rows = FIGURE_ROWS.filter(({ name }) => CONTENDERS.some((contender) => `${name}.${contender}` in figures));
  return [
    `| | ${CONTENDERS.map((contender) => NAMES[contender]).join(' | ')} |`,
    `|---${'|---'.repeat(CONTENDERS.length)}|`,
    ...rows.map(
      (row) => `| ${row.label} | ${CONTENDERS.map((contender) => toCell(row, { contender, figures })).join(' | ')} |`,
    ),
  ];
}

function toCell(row: FigureRow, { contender, figures }: { contender: Contender; figures: StoredFigures }): string {
  const value = figures[`${row.name}.${contender}`] ?? null;
  if (value === null) return row.missing ?? '–';
  const own = figures[`${row.name}.longhaul`] ?? 0;
  const shown = toText(value, row);
  if (contender === 'longhaul' || own === 0 || value === 0) return shown;
  return `${shown} (${toText(value / own, { digits: 2 })})`;
}

/** A peer that loses a run pays nothing for it twice: such a figure is no advantage. */
function losesRuns(figures: StoredFigures, contender: Contender): boolean {
  return (figures[`killRunsLost.${contender}`] ?? 0) > 0;
}

function toAdvantages(figures: StoredFigures): string[] {
  const found = FIGURE_ROWS.flatMap((row) => {
    const own = figures[`${row.name}.longhaul`] ?? null;
    if (own === null) return [];
    const better = CONTENDERS.filter(
      (contender) =>
        isBetter(row, { value: figures[`${row.name}.${contender}`] ?? null, own }) &&
        !(row.name.startsWith('kill') && losesRuns(figures, contender)),
    ).map((contender) => `${NAMES[contender]} ${toText(figures[`${row.name}.${contender}`] ?? 0, row)}`);
    return better.length === 0 ? [] : [`- ${row.label}: ${better.join(', ')}; Longhaul ${toText(own, row)}`];
  });
  return found.length === 0 ? ['- nothing'] : found;
}

function isBetter({ better }: FigureRow, { value, own }: { value: number | null; own: number }): boolean {
  if (value === null) return false;
  return better === 'less' ? value * NOTABLE < own : value > own * NOTABLE;
}

function toText(value: number, { digits }: { digits: number }): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
