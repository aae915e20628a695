import { Alert, Anchor, Button, Code, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { API_PATH, OIDC_TITLE } from '../../app/environment.ts';
import { client } from '../../data/client.ts';
import { signedInQuery } from '../../data/signed-in.ts';
import { Logo } from '../../ui/logo.tsx';
import { messageOf } from '../../ui/states/message-of.ts';
import { OidcSignIn } from './oidc-sign-in.tsx';
import classes from './sign-in-page.module.css';

interface SignInPageProps {
  /** Error of the sign-in link; null without a link or when it worked. */
  readonly linkError: unknown;
}

/** Exchanges an API key for a sign-in. The browser does not keep the key. */
export function SignInPage({ linkError }: SignInPageProps) {
  const queries = useQueryClient();
  const [key, setKey] = useState('');
  const signIn = useMutation({
    mutationFn: () => client.signIn({ key: key.trim() }),
    onSuccess: (signedIn) => {
      setKey('');
      queries.setQueryData(signedInQuery.queryKey, signedIn);
    },
  });

  useEffect(() => {
    document.title = 'Sign in · Longhaul';
  }, []);

  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== '') signIn.mutate();
  };

  return (
    <main className={classes['page']}>
      <form className={classes['card']} onSubmit={onSubmit}>
        <Stack gap="lg">
          <div className={classes['brand']}>
            <Logo size={28} />
            <span>Longhaul</span>
          </div>
          <div>
            <Title order={1}>Sign in</Title>
            <Text c="dimmed" size="sm" mt={4}>
              {OIDC_TITLE === null ? 'Paste an API key.' : 'Sign in as yourself, or paste an API key.'} The dashboard
              exchanges a key for a cookie and does not store it.
            </Text>
          </div>
          <OidcSignIn />
          {linkError !== null && signIn.error === null && (
            <Alert color="red" title="The link did not sign you in">
              {messageOf(linkError)}
            </Alert>
          )}
          <PasswordInput
            label="API key"
            size="sm"
            placeholder="lh_…"
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            error={signIn.error === null ? undefined : messageOf(signIn.error)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
            autoFocus
          />
          <Button
            type="submit"
            size="sm"
            variant={OIDC_TITLE === null ? 'filled' : 'default'}
            loading={signIn.isPending}
            disabled={key.trim() === ''}
            fullWidth
          >
            Sign in
          </Button>
          <div className={classes['hint']}>
            <Text size="xs" c="dimmed">
              On the machine of the server, <Code>longhaul dashboard</Code> prints a link that signs you in. The key
              decides what you see and may do: <Anchor href={`${API_PATH}/docs#security`}>the API&apos;s page</Anchor>{' '}
              lists the scopes.
            </Text>
          </div>
        </Stack>
      </form>
    </main>
  );
}
