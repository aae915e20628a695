import { once } from 'node:events';
import { createServer, request as sendRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { connect, type AddressInfo, type Socket } from 'node:net';

interface Passed {
  /** `CONNECT`, or the method of a forwarded request. */
  readonly method: string;
  /** The requested target: `host:port`, or a whole address. */
  readonly target: string;
  readonly authorization: string | undefined;
}

/** A forward proxy on loopback that leads to one port, whatever host is requested. */
export interface ForwardProxy {
  readonly url: string;
  readonly passed: readonly Passed[];
  /** Answers everything with this status from now on. */
  refuseWith(status: number): void;
  /** Breaks the connections through the proxy. */
  cut(): void;
  close(): Promise<void>;
}

export async function startForwardProxy(targetPort: number): Promise<ForwardProxy> {
  const passed: Passed[] = [];
  const sockets = new Set<Socket>();
  let refusal: number | null = null;

  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const note = ({ method = '', url = '', headers }: IncomingMessage) =>
    void passed.push({ method, target: url, authorization: headers['proxy-authorization'] });

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    note(request);
    if (refusal !== null) return void response.writeHead(refusal).end('The proxy refuses.');
    const { 'proxy-authorization': _own, ...headers } = request.headers;
    const { pathname, search } = new URL(request.url ?? '');
    const onward = sendRequest(
      { host: '127.0.0.1', port: targetPort, method: request.method, path: pathname + search, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, response, () => {});
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  server.on('connect', (request: IncomingMessage, near: Socket, head: Buffer) => {
    note(request);
    keep(near);
    if (refusal !== null) return void near.end(`HTTP/1.1 ${refusal} Refused\r\ncontent-length: 0\r\n\r\n`);
    const far = connect(targetPort, '127.0.0.1', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.write(head);
      near.pipe(far).pipe(near);
    });
    keep(far);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://ada:s%20ecret@127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    refuseWith: (status) => void (refusal = status),
    cut,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      cut();
      await closed;
    },
  };
}
