import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientSecretBasic,
  ClientSecretPost,
  clockTolerance,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type ClientAuth,
  type Configuration,
} from 'openid-client';
import type { OidcConfig } from '../../config/config.ts';
import { mergeClaims, readClaim, type Claims } from './claims.ts';
import { neededClaims } from './find-rights.ts';
import { SignInFailure } from './sign-in-failure.ts';
import { toSignInFailure } from './to-sign-in-failure.ts';

/** Values that the browser keeps while the person is at the provider. They tie the provider's answer to this browser. */
export interface OidcFlow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** An OpenID Connect provider: authorization code with PKCE, state and nonce. */
export interface OidcProvider {
  /** Begins a sign-in. Returns the address at the provider to send the browser to. */
  begin(redirectUri: string): Promise<{ readonly url: URL; readonly flow: OidcFlow }>;
  /**
   * Exchanges the provider's answer for the claims about the person.
   * @throws {SignInFailure}
   */
  finish(answer: { readonly redirectUri: string; readonly query: string; readonly flow: OidcFlow }): Promise<Claims>;
}

/** Seconds that a request to the provider may take: a person waits for it. */
const TIMEOUT_SECONDS = 10;
/** Seconds that the clocks of provider and server may differ. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** Milliseconds after which the next sign-in reads the provider's settings again. */
const REFRESH_MS = 3_600_000;

/** Creates the provider. The first sign-in reads its settings, so that a server starts without it. */
export function createOidcProvider(config: OidcConfig): OidcProvider {
  let known: { readonly settings: Configuration; readonly readAt: number } | null = null;
  let reading: Promise<Configuration> | null = null;

  async function read(): Promise<Configuration> {
    try {
      const settings = await discover(config);
      known = { settings, readAt: performance.now() };
      return settings;
    } catch (cause) {
      // Old settings seldom stop working, and a provider that is slow to describe itself may still sign people in.
      if (known !== null) return known.settings;
      throw new SignInFailure('unreachable', `The discovery document of ${config.issuer} could not be read.`, {
        cause,
      });
    } finally {
      reading = null;
    }
  }

  async function open(): Promise<Configuration> {
    if (known !== null && performance.now() - known.readAt < REFRESH_MS) return known.settings;
    return (reading ??= read());
  }

  return {
    async begin(redirectUri) {
      const settings = await open();
      const flow = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
      const url = buildAuthorizationUrl(settings, {
        redirect_uri: redirectUri,
        scope: config.scopes.join(' '),
        state: flow.state,
        nonce: flow.nonce,
        code_challenge: await calculatePKCECodeChallenge(flow.verifier),
        code_challenge_method: 'S256',
      });
      return { url, flow };
    },
    async finish({ redirectUri, query, flow }) {
      const settings = await open();
      try {
        const tokens = await authorizationCodeGrant(settings, new URL(`${redirectUri}${query}`), {
          expectedState: flow.state,
          expectedNonce: flow.nonce,
          pkceCodeVerifier: flow.verifier,
          idTokenExpected: true,
        });
        const claims: Claims & { sub: string } = tokens.claims()!;
        const isComplete = neededClaims(config).every((name) => readClaim(claims, name) !== undefined);
        if (isComplete || settings.serverMetadata().userinfo_endpoint === undefined) return claims;
        return mergeClaims(claims, await fetchUserInfo(settings, tokens.access_token, claims.sub));
      } catch (error) {
        throw toSignInFailure(error);
      }
    },
  };
}

function discover({ issuer, clientId, clientSecret }: OidcConfig): Promise<Configuration> {
  const execute = [
    // The token endpoint's TLS already vouches for the ID token; its signature is checked as well.
    enableNonRepudiationChecks,
    // The configuration allows http for this machine only.
    ...(issuer.startsWith('http:') ? [allowInsecureRequests] : []),
  ];
  const metadata = { [clockTolerance]: CLOCK_TOLERANCE_SECONDS };
  return discovery(new URL(issuer), clientId, metadata, toClientAuth(clientSecret), {
    execute,
    timeout: TIMEOUT_SECONDS,
  });
}

/** Sends the secret as the provider takes it; Basic is the protocol's default. */
function toClientAuth(secret: string | null): ClientAuth {
  if (secret === null) return None();
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (provider, ...rest) => {
    const { token_endpoint_auth_methods_supported: methods = ['client_secret_basic'] } = provider;
    (methods.includes('client_secret_basic') ? basic : post)(provider, ...rest);
  };
}
