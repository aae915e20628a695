import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { queryClient } from '../data/query-client.ts';
import { SignInGate } from '../pages/sign-in/sign-in-gate.tsx';
import { STYLE_NONCE } from './environment.ts';
import { Notifications } from './notifications.tsx';
import { router } from './router.tsx';
import { cssVariables, theme } from './theme.ts';

const colorScheme = localStorageColorSchemeManager({ key: 'longhaul-color-scheme' });

export function App() {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      colorSchemeManager={colorScheme}
      defaultColorScheme="auto"
      getStyleNonce={() => STYLE_NONCE}
      deduplicateInlineStyles
    >
      <QueryClientProvider client={queryClient}>
        <Notifications />
        <SignInGate>
          <RouterProvider router={router} />
        </SignInGate>
      </QueryClientProvider>
    </MantineProvider>
  );
}
