import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Shell } from '../layout/shell.tsx';
import { parseRunSearch } from '../pages/runs/run-search.ts';
import { NotFound } from '../ui/states/not-found.tsx';
import { PageFailed } from '../ui/states/page-failed.tsx';
import { PageLoading } from '../ui/states/page-loading.tsx';
import { PAGES_PATH } from './environment.ts';
import { parseSearch, stringifySearch } from './search.ts';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const getParentRoute = () => root;

/** Reads these query parameters, as texts. */
const texts =
  <const Key extends string>(...keys: Key[]) =>
  (search: Record<string, unknown>): { readonly [K in Key]?: string } =>
    Object.fromEntries(keys.flatMap((key) => (typeof search[key] === 'string' ? [[key, search[key]]] : []))) as {
      readonly [K in Key]?: string;
    };

const pages = [
  createRoute({
    getParentRoute,
    path: '/',
    validateSearch: texts('time', 'agent'),
    component: lazyRouteComponent(() => import('../pages/overview/overview-page.tsx'), 'OverviewPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/runs',
    validateSearch: parseRunSearch,
    component: lazyRouteComponent(() => import('../pages/runs/runs-page.tsx'), 'RunsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/runs/$runId',
    validateSearch: texts('tab', 'event'),
    component: lazyRouteComponent(() => import('../pages/run/run-page.tsx'), 'RunPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/sessions',
    validateSearch: texts('agent', 'user'),
    component: lazyRouteComponent(() => import('../pages/sessions/sessions-page.tsx'), 'SessionsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/sessions/$sessionId',
    component: lazyRouteComponent(() => import('../pages/sessions/session-page.tsx'), 'SessionPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/approvals',
    validateSearch: texts('status'),
    component: lazyRouteComponent(() => import('../pages/approvals/approvals-page.tsx'), 'ApprovalsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/try',
    validateSearch: texts('from', 'session'),
    component: lazyRouteComponent(() => import('../pages/try/try-page.tsx'), 'TryPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/queues',
    component: lazyRouteComponent(() => import('../pages/queues/queues-page.tsx'), 'QueuesPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/schedules',
    component: lazyRouteComponent(() => import('../pages/schedules/schedules-page.tsx'), 'SchedulesPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/alerts',
    validateSearch: texts('state', 'severity'),
    component: lazyRouteComponent(() => import('../pages/alerts/alerts-page.tsx'), 'AlertsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/health',
    component: lazyRouteComponent(() => import('../pages/health/health-page.tsx'), 'HealthPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/costs',
    validateSearch: texts('by', 'time'),
    component: lazyRouteComponent(() => import('../pages/costs/costs-page.tsx'), 'CostsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/budgets',
    validateSearch: texts('scope', 'key'),
    component: lazyRouteComponent(() => import('../pages/budgets/budgets-page.tsx'), 'BudgetsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/webhooks',
    component: lazyRouteComponent(() => import('../pages/webhooks/webhooks-page.tsx'), 'WebhooksPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/audit',
    validateSearch: texts('action', 'subject', 'actor', 'time'),
    component: lazyRouteComponent(() => import('../pages/audit/audit-page.tsx'), 'AuditPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/keys',
    component: lazyRouteComponent(() => import('../pages/keys/keys-page.tsx'), 'KeysPage'),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(pages),
  basepath: PAGES_PATH === '' ? '/' : PAGES_PATH,
  parseSearch,
  stringifySearch,
  defaultPendingComponent: PageLoading,
  defaultErrorComponent: PageFailed,
  defaultNotFoundComponent: NotFound,
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
