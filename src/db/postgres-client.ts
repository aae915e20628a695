import pg from 'pg';
import { guarded } from '../core/guard.ts';
import { noteDatabaseError } from './is-database-away.ts';

type OnConnect = Parameters<pg.Client['connect']>[0];

/** A connection whose errors are known to be the database's: `isConnectionLost` tells them from those of other connections. */
export class PostgresClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    // Before anybody is told of them. Unheard, they would end the process; whoever asks gets them with the answer.
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
