import { Alert, Button, Divider } from '@mantine/core';
import { OIDC_TITLE, PAGES_PATH } from '../../app/environment.ts';
import { takeFromHash } from './take-from-hash.ts';

/** Reason for which the sign-in at the provider failed; null without one. Taken out of the address at the start. */
const failure = takeFromHash('sign-in-failed');

const FAILURES: Readonly<Record<string, string>> = {
  unreachable: 'The provider does not respond. Try again in a minute, or sign in with an API key.',
  denied: 'You cancelled the sign-in, or the provider does not let you use Longhaul. Ask its administrators.',
  expired: 'The sign-in took longer than ten minutes, or was begun in another browser. Try again.',
  no_group:
    'None of your groups may use this dashboard. Ask an operator to add one of them to dashboard.oidc.groups, or the provider’s administrators to add you to a group.',
  unverified: 'The provider has not verified your mail address. Verify it there, then sign in again.',
  no_user: 'The provider does not say which user you are. Ask an operator to check dashboard.oidc.groups.',
};

const OTHER =
  'The provider’s answer was not accepted. Try again; if it happens again, the server’s log has the reason.';

/** Leads to the OpenID Connect provider, and says why an earlier sign-in there failed. Nothing without a provider. */
export function OidcSignIn() {
  if (OIDC_TITLE === null) return null;
  const to = location.pathname + location.search;
  return (
    <>
      {failure !== null && (
        <Alert color="red" title={`${OIDC_TITLE} did not sign you in`}>
          {FAILURES[failure] ?? OTHER}
        </Alert>
      )}
      <Button component="a" href={`${PAGES_PATH}/sign-in/oidc?${new URLSearchParams({ to })}`} size="sm" fullWidth>
        Sign in with {OIDC_TITLE}
      </Button>
      <Divider label="or with an API key" />
    </>
  );
}
