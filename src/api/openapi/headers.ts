const text = (description: string, example: string) => ({ description, schema: { type: 'string' }, example });

/** The response headers that matter to a client. */
export const ANSWER_HEADERS = {
  Location: text('The path of the created resource.', '/v1/runs/019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11'),
  'Retry-After': {
    description: 'Seconds to wait before the next try.',
    schema: { type: 'integer', minimum: 0 },
    example: 17,
  },
  RateLimit: text(
    'The remaining submissions of each limit, and the seconds until the limit is fully available again.',
    '"user";r=4;t=60',
  ),
  'RateLimit-Policy': text(
    'Each limit that a submission counts against: the number of submissions, and in how many seconds.',
    '"user";q=5;w=60',
  ),
  'WWW-Authenticate': text('How to authenticate.', 'Bearer realm="longhaul"'),
} as const;

export type AnswerHeader = keyof typeof ANSWER_HEADERS;

/** Headers of a response to a submission that counts against the rate limits. */
export const COUNTED_HEADERS = ['RateLimit', 'RateLimit-Policy'] as const satisfies AnswerHeader[];

/** Returns references to the document's headers with these names. */
export function toHeaderRefs(names: readonly AnswerHeader[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
