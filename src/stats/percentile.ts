/** The number of runs in a bucket of `longhaul.bucket_of`. */
export interface BucketCount {
  readonly bucket: number;
  readonly runs: number;
}

/**
 * Returns the duration in milliseconds that a share of all runs stays below: the middle of its bucket, accurate to
 * within 10 %. Null without runs.
 */
export function toPercentile(counts: readonly BucketCount[], share: number): number | null {
  const total = counts.reduce((sum, { runs }) => sum + runs, 0);
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (const { bucket, runs } of counts.toSorted((a, b) => a.bucket - b.bucket)) {
    seen += runs;
    if (seen >= rank) return toMiddle(bucket);
  }
  return null;
}

function toMiddle(bucket: number): number {
  return bucket === 0 ? 0 : Math.round(2 ** ((bucket - 0.5) / 4));
}
