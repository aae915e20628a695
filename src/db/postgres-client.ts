import pg from 'pg';
import { guarded } from '../core/guard.ts';
import { noteDatabaseError } from './is-database-away.ts';

type OnConnect = Parameters<pg.Client['connect']>[0];

/**
 * A connection whose errors are marked as database errors, so that `isConnectionLost` can distinguish them from errors
 * of other connections.
 */
export class PostgresClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    // Registered before any other listener. An unhandled error event would end the process; callers get the error with
    // their query.
    this.on('error', guarded(noteDatabaseError));
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: OnConnect): void;
  override connect(callback?: OnConnect): Promise<pg.Client> | void {
    if (callback === undefined) {
      return super.connect().catch((error: unknown) => {
        noteDatabaseError(error);
        throw error;
      });
    }
    const tell = callback as (error: Error | null, client: pg.Client) => void;
    super.connect((error: Error | null, client: pg.Client) => {
      noteDatabaseError(error);
      tell(error, client);
    });
  }
}
