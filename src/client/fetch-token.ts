import { LonghaulNetworkError, toApiError } from './errors.ts';

/**
 * Makes the `token` function of a client in a browser: it posts to an address of your own server, which answers what
 * `createToken` gave for the user who is signed in, `{ token }`. A refusal of it (`4xx`) ends what the client was doing;
 * anything else is tried again.
 */
export function fetchToken(url: string, init: RequestInit = {}): () => Promise<string> {
  return async () => {
    let response: Response;
    try {
      response = await fetch(url, { method: 'POST', ...init });
    } catch (cause) {
      throw new LonghaulNetworkError(url, cause);
    }
    if (!response.ok) throw await toApiError(response);
    const { token } = (await response.json()) as { token: string };
    return token;
  };
}
