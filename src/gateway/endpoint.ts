/** The only paths of the provider that an attempt may call. */
const ENDPOINTS = { '/v1/messages': 'messages', '/v1/messages/count_tokens': 'count_tokens' } as const;

export interface Endpoint {
  readonly kind: (typeof ENDPOINTS)[keyof typeof ENDPOINTS];
  /** Path and query as received. */
  readonly target: string;
}

/**
 * Returns the endpoint of a request, or null when an attempt does not need it: a tool that obtained the token must not
 * reach files, batches or administration. The path is compared whole and without decoding, so that no other spelling
 * passes.
 */
export function findEndpoint(method: string, target: string): Endpoint | null {
  const [path = ''] = target.split('?', 1);
  if (method !== 'POST' || !Object.hasOwn(ENDPOINTS, path) || !/^[\x21-\x7e]*$/.test(target)) return null;
  return { kind: ENDPOINTS[path as keyof typeof ENDPOINTS], target };
}
