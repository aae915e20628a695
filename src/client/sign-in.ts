import type { SignedInResource, SignInCodeResource, SignInRequest } from '../api/contract.ts';
import { jsonBody } from './json-body.ts';
import type { Transport } from './transport.ts';

/** Methods that identify the caller and sign browsers in to the dashboard. */
export interface SignInMethods {
  /** Reads the key behind this client's key, token or sign-in, and its scopes. */
  signedIn(): Promise<SignedInResource>;
  /** Exchanges an API key, or a code, for a cookie. Only for pages of the dashboard's origin. */
  signIn(request: SignInRequest): Promise<SignedInResource>;
  /** Ends the sign-in of the cookie. */
  signOut(): Promise<SignedInResource>;
  /** Creates a code that signs a browser in once, within ten minutes, as this client's key. */
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
