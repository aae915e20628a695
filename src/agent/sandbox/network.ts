import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { toMessage } from '../../core/errors.ts';
import { guarded } from '../../core/guard.ts';
import { tail } from '../../core/text.ts';

/**
 * A network without any device but loopback, for the processes of one sandbox. Ports of its loopback lead to the worker:
 * the worker itself listens in it, so no process has to forward anything.
 */
export interface SandboxNetwork {
  /** The command, with its arguments, that starts another command in the network. Valid until `seal`. */
  readonly enter: readonly string[];
  /** Sends the connections to a port to `accept`, until the network is closed. */
  serve(port: number, accept: (socket: Socket) => void): void;
  /** Releases what `enter` needs. The processes in the network keep it. Safe to call again. */
  seal(): void;
  /** Stops listening and ends the connections. Safe to call again. */
  close(): void;
}

/** Listens on the ports it is given, of both versions of IP where the machine has both, and passes the sockets to the worker. The network outlives it. */
const LISTEN = `
import { once } from 'node:events';
import { Server } from 'node:net';
process.send('ready');
const [ports] = await once(process, 'message');
for (const port of ports) {
  const server = new Server();
  server.listen({ port, backlog: 128 });
  await once(server, 'listening');
  process.send({ port }, server);
}
await once(process, 'disconnect');
process.exit();
`;

/** The helper sees the whole machine: it only listens. */
const NETWORK_ONLY = ['--unshare-net', '--dev-bind', '/', '/', '--die-with-parent'];

/** Every user may listen on this port and those after it: a new network begins with the kernel's default. */
const FIRST_FREE_PORT = 1_024;

const TIMEOUT_MS = 15_000;

/**
 * Builds the arguments of bubblewrap for the helper. The capability is added only for a port that needs it, such as that of an
 * MCP server at `http://localhost/`: where `bwrap` is set-user-ID, it refuses to add one for an ordinary user.
 */
export function toHelperArgs(ports: readonly number[], { isUserNamespace }: { isUserNamespace: boolean }): string[] {
  return [
    ...(isUserNamespace ? ['--unshare-user'] : []),
    ...NETWORK_ONLY,
    ...(ports.some((port) => port < FIRST_FREE_PORT) ? ['--cap-add', 'CAP_NET_BIND_SERVICE'] : []),
    '--',
    process.execPath,
    '--input-type=module',
    '-e',
    LISTEN,
  ];
}

/** Makes a network whose loopback has the given ports. Takes about 60 ms, most of it the start of Node. */
export async function openNetwork(
  ports: readonly number[],
  { isUserNamespace }: { isUserNamespace: boolean },
): Promise<SandboxNetwork> {
  const helper = spawn('bwrap', toHelperArgs(ports, { isUserNamespace }), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'] },
    detached: true,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  helper.stderr?.setEncoding('utf8').on(
    'data',
    guarded((chunk: string) => void (complaint = tail(complaint + chunk, 500))),
  );
  const failed = Promise.race([
    once(helper, 'error').then(([error]) => toMessage(error)),
    once(helper, 'exit').then(() => complaint.trim() || 'bwrap ended'),
  ]).then((reason) => {
    throw new Error(`the network of a sandbox could not be made: ${reason}`);
  });
  failed.catch(() => undefined);
  try {
    await Promise.race([once(helper, 'message'), failed]);
    const servers = await Promise.race([receive(helper, ports), failed]);
    const namespaces = ['net', ...(isUserNamespace ? ['user'] : [])].map((kind) => holdNamespace(helper, kind));
    return toNetwork(servers, namespaces);
  } finally {
    if (helper.connected) helper.disconnect();
  }
}

async function receive(helper: ChildProcess, ports: readonly number[]): Promise<Map<number, Server>> {
  const servers = new Map<number, Server>();
  const complete = new Promise<void>((resolve) => {
    const onMessage = guarded((message: { port: number }, handle: Server) => {
      servers.set(message.port, handle);
      if (servers.size === ports.length) resolve();
    });
    helper.on('message', onMessage);
  });
  helper.send([...ports]);
  await complete;
  return servers;
}

interface Namespace {
  readonly kind: string;
  readonly fd: number;
}

/** Opens a namespace of the helper, which is the only child of `bwrap`: it exists as long as it is open. */
function holdNamespace(helper: ChildProcess, kind: string): Namespace {
  const children = readFileSync(`/proc/${helper.pid}/task/${helper.pid}/children`, 'latin1').trim();
  return { kind, fd: openSync(`/proc/${children}/ns/${kind}`, 'r') };
}

function toNetwork(servers: ReadonlyMap<number, Server>, namespaces: readonly Namespace[]): SandboxNetwork {
  const sockets = new Set<Socket>();
  let isSealed = false;
  const seal = () => {
    if (isSealed) return;
    isSealed = true;
    for (const { fd } of namespaces) closeSync(fd);
  };
  return {
    enter: [
      'nsenter',
      '--preserve-credentials',
      ...namespaces.map(({ kind, fd }) => `--${kind}=/proc/${process.pid}/fd/${fd}`),
      '--',
    ],
    serve(port, accept) {
      servers.get(port)?.on(
        'connection',
        guarded((socket: Socket) => {
          sockets.add(socket);
          socket.once(
            'close',
            guarded(() => sockets.delete(socket)),
          );
          socket.on('error', () => socket.destroy());
          accept(socket);
        }),
      );
    },
    seal,
    close() {
      seal();
      for (const server of servers.values()) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
