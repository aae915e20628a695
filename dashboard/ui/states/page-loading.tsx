import { Loader } from '@mantine/core';
import classes from './state.module.css';

export function PageLoading() {
  return (
    <div className={classes['state']} role="status" aria-label="Loading">
      <Loader size="sm" color="gray" />
    </div>
  );
}
