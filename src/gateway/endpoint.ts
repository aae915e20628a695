/** The only addresses of the provider an attempt may reach. */
const ENDPOINTS = { '/v1/messages': 'messages', '/v1/messages/count_tokens': 'count_tokens' } as const;

export interface Endpoint {
  readonly kind: (typeof ENDPOINTS)[keyof typeof ENDPOINTS];
  /** Path and query as they came. */
  readonly target: string;
}

/**
 * The endpoint a request is for, or null when it is none that an attempt needs: a tool that got hold of the token
 * must not reach files, batches or administration. Compared whole and undecoded, so no spelling slips through.
 */
export function findEndpoint(method: string, target: string): Endpoint | null {
  const [path = ''] = target.split('?', 1);
  if (method !== 'POST' || !Object.hasOwn(ENDPOINTS, path) || !/^[\x21-\x7e]*$/.test(target)) return null;
  return { kind: ENDPOINTS[path as keyof typeof ENDPOINTS], target };
}
