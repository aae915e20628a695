import { useRights } from '../../data/signed-in.ts';
import { Page } from '../../ui/page/page.tsx';
import { Queues } from './queues.tsx';
import { Workers } from './workers.tsx';
import classes from './queues.module.css';

/** Shows the queues and the workers. */
export function QueuesPage() {
  const { isOperator } = useRights();
  return (
    <Page title="Queues and workers">
      <div className={classes['page']}>
        <Queues />
        {isOperator && <Workers />}
      </div>
    </Page>
  );
}
