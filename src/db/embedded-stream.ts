import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';
import { LonghaulError, toMessage } from '../core/errors.ts';

/**
 * A connection of `pg` to the embedded PostgreSQL, in place of a socket. The embedded PostgreSQL has a single session: a
 * second stream continues that of the first, which must have ended, without its transaction and its prepared statements.
 */
export class EmbeddedStream extends Duplex {
  readonly #pglite: PGlite;

  constructor(pglite: PGlite) {
    super();
    this.#pglite = pglite;
  }

  /** Called by `pg` with the address of a server. */
  connect(): this {
    this.#reset().then(
      () => this.emit('connect'),
      (error: unknown) => this.destroy(toFailure(error)),
    );
    return this;
  }

  async #reset(): Promise<void> {
    await this.#pglite.exec('rollback');
    await this.#pglite.exec('deallocate all');
  }

  override _read(): void {
    // The answers are pushed when a message is written.
  }

  /** `pg` writes the messages of a query at once: they are answered together. */
  override _writev(messages: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const [first, ...rest] = messages.map(({ chunk }) => chunk);
    this._write(rest.length === 0 ? first! : Buffer.concat([first!, ...rest]), 'buffer' as BufferEncoding, done);
  }

  override _write(message: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const answers: Buffer[] = [];
    // The form that neither reads the answers itself nor keeps them.
    const answered = this.#pglite.execProtocolRawStream(message, {
      // A view of PostgreSQL's memory, which is overwritten next.
      onRawData: (bytes) => answers.push(Buffer.from(bytes)),
    });
    answered.then(
      () => {
        for (const answer of answers) this.push(answer);
        done();
      },
      (error: unknown) => done(toFailure(error)),
    );
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }

  // The settings of a socket, for which there is nothing to do here.
  readonly setNoDelay = (): this => this;
  readonly setKeepAlive = (): this => this;
  readonly setTimeout = (): this => this;
  readonly ref = (): this => this;
  readonly unref = (): this => this;
}

/** Errors of statements are answers. This one says that PostgreSQL itself has ended, as it does when it cannot write. */
function toFailure(cause: unknown): LonghaulError {
  return new LonghaulError('database_unavailable', {
    message: `The embedded database has failed: ${toMessage(cause)}. Nothing that was committed is lost. Restart Longhaul.`,
    cause,
  });
}
