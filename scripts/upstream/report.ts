import { SDK } from './checkout.ts';
import type { CheckOutcome } from './check-checkout.ts';
import type { Difference, Observation } from './observation.ts';

type Versions = Pick<Observation, 'sdk' | 'claudeCode'>;

/** The comparison of the pinned Agent SDK with another version. */
export interface UpstreamReport {
  readonly pinned: Versions;
  readonly tried: Versions;
  /** True when everything that was checked and that Longhaul relies on holds. */
  readonly holds: boolean;
  readonly areTestsRun: boolean;
  readonly differences: readonly Difference[];
  /** Facts that Longhaul relies on and that do not hold with the tried version. */
  readonly faults: readonly string[];
  readonly checks: readonly CheckOutcome[];
  /** Findings about Claude Code; a failed finding is no longer as described, which may be good news. */
  readonly findings: readonly CheckOutcome[];
}

/** Lines of a topic that are shown, and characters of a line. */
const MOST_LINES = 40;
const MOST_CHARACTERS = 300;

/** Returns the report in words. */
export function toText(report: UpstreamReport): string {
  const { pinned, tried, holds, areTestsRun, differences, faults, checks, findings } = report;
  const name = ({ sdk, claudeCode }: Versions) => `Agent SDK ${sdk} (Claude Code ${claudeCode})`;
  return [
    `Pinned: ${name(pinned)}`,
    `Tried:  ${name(tried)}`,
    '',
    ...(differences.length === 0 ? ['Nothing that is observed differs.'] : differences.flatMap(toDifferenceLines)),
    '',
    ...checks.map(({ name, isOk, seconds }) => `${isOk ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`),
    ...findings.map(({ name, isOk }) => `${isOk ? 'ok    ' : 'changed'} ${name}`),
    ...(faults.length === 0 ? ['ok     prices and aliases'] : faults.map((fault) => `FAILED ${fault}`)),
    ...[...checks, ...findings].flatMap(({ name, isOk, detail }) => (isOk ? [] : ['', `${name}:`, detail])),
    '',
    toVerdict({ holds, areTestsRun, tried }),
  ].join('\n');
}

function toDifferenceLines({ section, gone, added }: Difference): string[] {
  const short = (line: string) =>
    line.length <= MOST_CHARACTERS ? line : `${line.slice(0, MOST_CHARACTERS)}… (${line.length} characters)`;
  const lines = [...gone.map((line) => `  - ${short(line)}`), ...added.map((line) => `  + ${short(line)}`)];
  const more = lines.length - MOST_LINES;
  return [
    `${section}: ${gone.length} gone, ${added.length} new`,
    ...lines.slice(0, MOST_LINES),
    ...(more > 0 ? [`  … and ${more} more lines, see --json`] : []),
  ];
}

function toVerdict({ holds, areTestsRun, tried }: Pick<UpstreamReport, 'holds' | 'areTestsRun' | 'tried'>): string {
  if (!holds) return 'Something that Longhaul relies on does not hold. Keep the pin, or change the code first.';
  if (!areTestsRun) return 'Everything that was checked holds. The tests were left out: run this without --no-tests.';
  return [
    'Everything that Longhaul relies on holds. Read the differences, then move the pin:',
    `  npm install --save-exact ${SDK}@${tried.sdk}`,
    `  add ${tried.claudeCode} to src/agent/tried-versions.ts`,
    '  npm test',
  ].join('\n');
}
