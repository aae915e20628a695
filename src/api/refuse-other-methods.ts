import type { Api } from './api-deps.ts';
import { answerProblem, toProblem } from './problem.ts';

/**
 * Rejects unsupported methods of a path with 405 (RFC 9110, 15.5.6). Call it after the last route: the first match
 * wins.
 */
export function refuseOtherMethods(api: Api): void {
  const routes = api.routes.filter(({ method }) => method !== 'ALL');
  for (const [path, taken] of Map.groupBy(routes, (route) => route.path)) {
    const methods = new Set(taken.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])));
    const allow = [...methods].join(', ');
    api.all(path, (context) => {
      context.header('allow', allow);
      const { method, path } = context.req;
      const detail = `${method} is not supported at ${path}; use ${allow}.`;
      return answerProblem(context, toProblem('method_not_allowed', { detail }));
    });
  }
}
