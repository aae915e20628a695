import { LonghaulTokenError } from './errors.ts';

/** The credential of a client. Without a key or token it sends none, as for a Longhaul in the same process. */
export interface CredentialOptions {
  /** An API key. Never use one in a browser: everyone who opens the page can read it. */
  readonly apiKey?: string | undefined;
  /**
   * A token of `createToken`, or a function that gets one from your server, such as `fetchToken('/longhaul-token')`.
   * The client calls it before the first request, and again when a token has expired.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined;
}

/** Provides the key or token that a client sends. */
export interface Credential {
  /**
   * Returns the credential to send now; null for none. Concurrent calls share one request for a token.
   * @throws {LonghaulTokenError} when the `token` function failed.
   */
  current(): Promise<string | null>;
  /** Records that `refused` was rejected; returns whether there may be another. */
  renew(refused: string | null): boolean;
}

/** @throws {TypeError} when both are given. */
export function createCredential({ apiKey, token }: CredentialOptions): Credential {
  if (apiKey !== undefined && token !== undefined) throw new TypeError('Give apiKey or token, not both.');
  if (typeof token !== 'function') {
    const fixed = apiKey ?? token ?? null;
    return { current: () => Promise.resolve(fixed), renew: () => false };
  }
  const ask = token;
  let known: string | null = null;
  let asking: Promise<string> | null = null;

  async function askOnce(): Promise<string> {
    try {
      const given: unknown = await ask();
      if (typeof given !== 'string' || given === '') throw new TypeError('The token function has to return a text.');
      known = given;
      return given;
    } catch (cause) {
      throw new LonghaulTokenError(cause);
    } finally {
      asking = null;
    }
  }

  return {
    async current() {
      return known ?? (await (asking ??= askOnce()));
    },
    renew(refused) {
      // Another request may have got a new token in the meantime.
      if (known === refused) known = null;
      return true;
    },
  };
}
