/** Reasons for which a sign-in at the provider fails; the sign-in page has words for each. */
export const SIGN_IN_FAILURES = [
  'unreachable',
  'denied',
  'expired',
  'no_group',
  'unverified',
  'no_user',
  'failed',
] as const;

export type SignInFailureReason = (typeof SIGN_IN_FAILURES)[number];

/** A sign-in that failed. The message is for the log: it may name claims of the person. */
export class SignInFailure extends Error {
  override name = 'SignInFailure';
  readonly reason: SignInFailureReason;

  constructor(reason: SignInFailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
