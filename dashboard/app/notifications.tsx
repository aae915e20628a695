import { useNotifications } from '@mantine/notifications';
import { lazy, Suspense, useState } from 'react';

const Container = lazy(async () => ({ default: (await import('./notification-container.tsx')).NotificationContainer }));

/** Shows notifications. The container is loaded with the first one. */
export function Notifications() {
  const count = useNotifications().notifications.length;
  const [isWanted, setIsWanted] = useState(false);
  if (count > 0 && !isWanted) setIsWanted(true);
  return isWanted ? (
    <Suspense fallback={null}>
      <Container />
    </Suspense>
  ) : null;
}
