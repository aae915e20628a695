import { Notifications } from '@mantine/notifications';

/** Shows the notifications of the store. */
export function NotificationContainer() {
  return <Notifications position="bottom-right" limit={4} />;
}
