import { z } from '@hono/zod-openapi';
import { LonghaulError } from '../../core/errors.ts';
import { id } from '../input-fields.ts';

/** Path parameters of a route about one run. */
export const idParams = z.object({
  id: id("must be a run's id, a UUID").openapi({ format: 'uuid', description: "The run's id." }),
});

export function runNotFound(id: string): LonghaulError {
  return new LonghaulError('run_not_found', {
    message: `There is no run ${id}.`,
    errors: [{ path: 'id', message: 'names no run' }],
  });
}
