/** Likely cause of a rise of failures, according to their codes. */
export type Verdict = 'provider_outage' | 'rate_limit' | 'configuration' | 'mixed';

/** Codes that indicate one cause. All others, such as a run's own limits or a crash, indicate none. */
const CAUSES: Readonly<Record<Exclude<Verdict, 'mixed'>, readonly string[]>> = {
  provider_outage: ['provider_overloaded', 'provider_error'],
  rate_limit: ['provider_rate_limit'],
  configuration: [
    'provider_auth',
    'provider_billing',
    'provider_invalid_request',
    'invalid_model',
    'cli_not_found',
    'workspace_invalid',
  ],
};

/** The verdict as the end of "Likely cause: …". */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  provider_outage: 'an outage of the provider',
  rate_limit: "the provider's rate limit",
  configuration: 'a mistake in the configuration',
  mixed: 'no single cause',
};

/** Returns the cause that more than half of the failures indicate; `mixed` when none has so many. */
export function judgeFailures(runsByCode: Readonly<Record<string, number>>): Verdict {
  const total = Object.values(runsByCode).reduce((sum, runs) => sum + runs, 0);
  for (const cause of Object.keys(CAUSES) as (keyof typeof CAUSES)[]) {
    const runs = CAUSES[cause].reduce((sum, code) => sum + (runsByCode[code] ?? 0), 0);
    if (runs > total / 2) return cause;
  }
  return 'mixed';
}
