import { LonghaulNetworkError, toApiError } from './errors.ts';

/**
 * Creates the `token` function of a client in a browser. It posts to an address of your server, which answers with
 * the result of `createToken` for the signed-in user, `{ token }`. If that server rejects the request (`4xx`), the
 * client's operation fails; other failures are retried.
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
