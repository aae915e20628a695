/** Everything that was observed of an installed Agent SDK, in lines that can be compared with those of another. */
export interface Observation {
  /** Version of the Agent SDK. */
  readonly sdk: string;
  /** Version of Claude Code that belongs to it. */
  readonly claudeCode: string;
  /** Lines by topic. The same version gives the same lines. */
  readonly sections: Readonly<Record<string, readonly string[]>>;
  /** Facts that Longhaul relies on and that do not hold. */
  readonly faults: readonly string[];
}

/** The lines of a topic that only one of two versions has. */
export interface Difference {
  readonly section: string;
  readonly gone: readonly string[];
  readonly added: readonly string[];
}

/** Compares two observations, topic by topic. */
export function compareObservations(before: Observation, after: Observation): Difference[] {
  const sections = new Set([...Object.keys(before.sections), ...Object.keys(after.sections)]);
  return [...sections].flatMap((section) => {
    const [old, now] = [before, after].map((one) => toSteadyLines(one, section));
    const gone = subtract(old!, now!);
    const added = subtract(now!, old!);
    return gone.length + added.length === 0 ? [] : [{ section, gone, added }];
  });
}

/** The versions themselves differ everywhere they appear, and say nothing more. */
function toSteadyLines({ sections, sdk, claudeCode }: Observation, section: string): string[] {
  return (sections[section] ?? []).map((line) =>
    line.replaceAll(sdk, '<version of the SDK>').replaceAll(claudeCode, '<version>'),
  );
}

/** Returns the lines of `lines` that `others` lacks, each as often as it is lacking. */
function subtract(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
