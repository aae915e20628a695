import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** The settings of a program as Supervisor has read them. Supervisor does not report `autorestart`. */
export interface SupervisorProgram {
  readonly group: string;
  readonly name: string;
  readonly stopWaitSeconds: number;
  /** Exit codes after which `autorestart=unexpected` starts no new process. */
  readonly exitCodes: readonly number[];
  readonly startSeconds: number;
  readonly startRetries: number;
  /** Number of the signal that stops it; 15 is TERM. */
  readonly stopSignal: number;
  readonly killsGroup: boolean;
}

const METHOD_CALL =
  '<?xml version="1.0"?><methodCall><methodName>supervisor.getAllConfigInfo</methodName></methodCall>';

interface AskOptions {
  /** `SUPERVISOR_SERVER_URL` of a process under Supervisor: `unix:///run/supervisor.sock` or an http address. */
  readonly serverUrl: string;
  readonly signal: AbortSignal;
}

/**
 * Asks Supervisor for the settings in force, by its XML-RPC interface
 * (http://supervisord.org/api.html#supervisor.rpcinterface.SupervisorNamespaceRPCInterface).
 * @throws the system's error when Supervisor cannot be reached: its socket is usually for root alone.
 */
export async function readSupervisorPrograms({ serverUrl, signal }: AskOptions): Promise<SupervisorProgram[]> {
  const socketPath = /^unix:\/\/(\/.*)$/.exec(serverUrl)?.[1];
  const target = socketPath === undefined ? new URL('/RPC2', serverUrl) : new URL('http://localhost/RPC2');
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const call = request(target, {
    method: 'POST',
    ...(socketPath !== undefined && { socketPath }),
    headers: { 'content-type': 'text/xml', 'content-length': String(METHOD_CALL.length) },
    signal,
  });
  call.on('error', reject);
  call.on('response', resolve);
  call.end(METHOD_CALL);
  const response = await promise;
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`Supervisor answered ${response.statusCode}`);
  return parsePrograms(body);
}

/** Parses the answer: a list of flat structs. */
export function parsePrograms(xml: string): SupervisorProgram[] {
  return xml
    .split('<struct>')
    .slice(1)
    .map((struct) => {
      const members = new Map(
        struct
          .split('<member>')
          .slice(1)
          .map((member) => [/<name>([^<]*)<\/name>/.exec(member)?.[1] ?? '', member] as const),
      );
      const read = (name: string) => /<(?:int|i4|string|boolean)>([^<]*)</.exec(members.get(name) ?? '')?.[1] ?? '';
      return {
        group: read('group'),
        name: read('name'),
        stopWaitSeconds: Number(read('stopwaitsecs')),
        exitCodes: [...(members.get('exitcodes') ?? '').matchAll(/<(?:int|i4)>(\d+)</g)].map(([, code]) =>
          Number(code),
        ),
        startSeconds: Number(read('startsecs')),
        startRetries: Number(read('startretries')),
        stopSignal: Number(read('stopsignal')),
        killsGroup: read('killasgroup') === '1',
      };
    });
}
