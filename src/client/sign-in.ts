import type { SignedInResource, SignInCodeResource, SignInRequest } from '../api/contract.ts';
import { jsonBody } from './json-body.ts';
import type { Transport } from './transport.ts';

/** Who is calling, and signing browsers in to the dashboard. */
export interface SignInMethods {
  /** Says whose the key, token or sign-in is that this client sends, and what it may do. */
  signedIn(): Promise<SignedInResource>;
  /** Exchanges an API key, or a code, for a cookie. For pages of the dashboard's own origin. */
  signIn(request: SignInRequest): Promise<SignedInResource>;
  /** Ends the sign-in of the cookie. */
  signOut(): Promise<SignedInResource>;
  /** Makes a code that signs a browser in once, within ten minutes, as the key this client sends. */
  createSignInCode(): Promise<SignInCodeResource>;
}

export function createSignInMethods({ requestJson }: Transport): SignInMethods {
  return {
    signedIn: () => requestJson('/v1/sign-in'),
    signIn: (request) => requestJson('/v1/sign-in', jsonBody('POST', request)),
    signOut: () => requestJson('/v1/sign-in', { method: 'DELETE' }),
    createSignInCode: () => requestJson('/v1/sign-in/code', { method: 'POST' }),
  };
}
