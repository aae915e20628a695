import { createMiddleware } from 'hono/factory';
import { LonghaulError } from '../core/errors.ts';
import type { ApiEnv } from './authenticate.ts';

/**
 * Rejects bodies that would be misread, because they are compressed or not in UTF-8. A route without a body ignores any
 * body.
 */
export const refuseEncoded = createMiddleware<ApiEnv>(async (context, next) => {
  if (context.get('route')?.hasBody === true) check(context.req.raw.headers);
  return next();
});

/** @throws {LonghaulError} `unsupported_media_type` naming the header that is not supported. */
function check(headers: Headers): void {
  const coding = headers.get('content-encoding')?.trim() ?? '';
  if (!/^(identity)?$/i.test(coding)) {
    throw refuse('Content-Encoding', {
      message: 'must be left out, because compressed bodies are not supported',
      received: coding,
    });
  }
  const [, charset = 'utf-8'] =
    /^application\/json\s*;.*?\bcharset\s*=\s*"?([^\s;"]*)/i.exec(headers.get('content-type') ?? '') ?? [];
  if (!/^utf-?8$/i.test(charset)) {
    throw refuse('Content-Type', { message: 'must have the charset utf-8 or none', received: charset });
  }
}

function refuse(path: string, { message, received }: { message: string; received: string }): LonghaulError {
  return new LonghaulError('unsupported_media_type', {
    message: `${path} ${message}; received ${JSON.stringify(received.slice(0, 100))}.`,
    errors: [{ path, message }],
  });
}
