import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { inBackground } from '../core/guard.ts';

type Done = (error?: Error) => void;

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
    inBackground(
      async () => {
        await this.#reset();
        this.emit('connect');
      },
      (error) => this.destroy(toFailure(error)),
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
  override _writev(messages: { chunk: Buffer }[], done: Done): void {
    this.#answer(Buffer.concat(messages.map(({ chunk }) => chunk)), done);
  }

  override _write(message: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#answer(message, done);
  }

  #answer(message: Buffer, done: Done): void {
    inBackground(
      async () => {
        for (const answer of await this.#ask(message)) this.push(answer);
        done();
      },
      (error) => done(toFailure(error)),
    );
  }

  async #ask(message: Buffer): Promise<Buffer[]> {
    const answers: Buffer[] = [];
    // The form that neither reads the answers itself nor keeps them.
    await this.#pglite.execProtocolRawStream(message, {
      // A view of PostgreSQL's memory, which is overwritten next.
      onRawData: (bytes) => answers.push(Buffer.from(bytes)),
    });
    return answers;
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
