import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A proxy to another port of this machine, whose connections a test can break. */
export interface TcpProxy {
  readonly port: number;
  /** Resets the connections that `isChosen` selects, all by default. Returns their number. */
  cut(isChosen?: (index: number) => boolean): number;
  /** Breaks all connections and accepts no new ones until `reopen`. */
  shut(): void;
  reopen(): void;
  /** Sends new connections to another port. Existing connections stay. */
  redirect(targetPort: number): void;
  readonly isShut: boolean;
  close(): Promise<void>;
}

/** Listens on a free port and forwards all data to another. */
export async function startTcpProxy(firstTargetPort: number): Promise<TcpProxy> {
  const connections = new Set<readonly [Socket, Socket]>();
  let isShut = false;
  let targetPort = firstTargetPort;

  const server = createServer((near) => {
    if (isShut) return void near.resetAndDestroy();
    const far = connect(targetPort, '127.0.0.1');
    const pair = [near, far] as const;
    connections.add(pair);
    const end = () => {
      connections.delete(pair);
      near.destroy();
      far.destroy();
    };
    // Closes the other side of a broken connection; the error itself does not matter here.
    for (const socket of pair)
      socket
        .setNoDelay(true)
        .on('error', () => {})
        .on('close', end);
    near.pipe(far);
    far.pipe(near);
  });

  function cut(isChosen: (index: number) => boolean = () => true): number {
    const chosen = [...connections].filter((_, index) => isChosen(index));
    for (const [near, far] of chosen) {
      near.resetAndDestroy();
      far.destroy();
    }
    return chosen.length;
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    shut() {
      isShut = true;
      cut();
    },
    reopen() {
      isShut = false;
    },
    redirect(port) {
      targetPort = port;
    },
    get isShut() {
      return isShut;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
