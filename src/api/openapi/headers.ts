const text = (description: string, example: string) => ({ description, schema: { type: 'string' }, example });

/** The headers of answers that mean something to a caller. */
export const ANSWER_HEADERS = {
  Location: text('Where what was made is.', '/v1/runs/019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11'),
  'Retry-After': {
    description: 'Seconds to wait before it is tried again.',
    schema: { type: 'integer', minimum: 0 },
    example: 17,
  },
  RateLimit: text('What is left of each limit, and the seconds until it is whole again.', '"user";r=4;t=60'),
  'RateLimit-Policy': text(
    'Each limit that a submission counts against: how many in how many seconds.',
    '"user";q=5;w=60',
  ),
  'WWW-Authenticate': text('How to say who is calling.', 'Bearer realm="longhaul"'),
} as const;
