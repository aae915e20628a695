/** The limits of one run. 0 means zero, never unlimited. */
export interface RunLimits {
  /** USD. Defaults to 1. */
  readonly maxBudgetUsd: number;
  /** Model turns. Defaults to 15. */
  readonly maxTurns: number;
  /** Tokens of extended thinking per response. Defaults to 16,000; 0 turns thinking off. */
  readonly maxThinkingTokens: number;
  /** Seconds from the start of an attempt to its result. Defaults to 120. */
  readonly timeoutSeconds: number;
  /** Resident memory of all processes of the run together, in megabytes (10^6 bytes). Defaults to 2,048. */
  readonly maxMemoryMb: number;
  /** Maximum length of a prompt, in characters (Unicode code points). Defaults to 5,000. */
  readonly maxPromptLength: number;
}
