import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import { playTurn, sendError, sendJson } from './answer.ts';
import { demoScript } from './demo-script.ts';
import { estimateInputTokens } from './estimate-usage.ts';
import type { ModelRequest } from './model-request.ts';
import { parseModelRequest } from './model-request.ts';
import { readJson } from './read-json.ts';
import type { Turn } from './turns.ts';

/**
 * What a scripted model answers. A list keeps no state: the turn is chosen by the number of answers the conversation
 * already holds, and the last one repeats, so that many runs can share one model. A function decides for itself.
 */
export type Script = readonly Turn[] | ((request: ModelRequest) => Turn | Promise<Turn>);

export interface ScriptedModelOptions {
  /** Defaults to `demoScript`. */
  readonly script?: Script;
  /** Defaults to any free port. */
  readonly port?: number;
  /** How many of the newest requests are kept for `requests`. Defaults to all; give 0 in a process that lives long. */
  readonly keepRequests?: number;
}

export interface ScriptedModel {
  /** For `ANTHROPIC_BASE_URL`: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** The calls of the Messages API so far, oldest first. */
  readonly requests: readonly ModelRequest[];
  /** Answers every later request by another script. */
  setScript(script: Script): void;
  /** Stops listening and ends every connection, hanging ones included. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a Messages API on 127.0.0.1 that answers by script, for the real Claude Code executable to talk to.
 * Rejects when the port is taken.
 */
export async function startScriptedModel(options: ScriptedModelOptions = {}): Promise<ScriptedModel> {
  const { port = 0, keepRequests = Infinity } = options;
  const requests: ModelRequest[] = [];
  let chooseTurn = toChooser(options.script ?? demoScript);

  const serve = guarded((incoming: IncomingMessage, response: ServerResponse) => {
    // A client that goes away ends what was being done for it, at once; so does close().
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    respond(incoming, { response, signal: gone.signal }).catch((cause: unknown) => {
      if (gone.signal.aborted) return;
      // As an invalid request, which Claude Code reports soon; a 500 it would repeat for three minutes.
      if (response.headersSent) response.destroy();
      else
        sendError(response, 400, { type: 'invalid_request_error', message: `The script failed: ${toMessage(cause)}` });
    });
  });
  const server = createServer(serve);

  async function respond(incoming: IncomingMessage, { response, signal }: Reply): Promise<void> {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const endpoint = `${method} ${path.split('?')[0]}`;
    if (endpoint !== 'POST /v1/messages' && endpoint !== 'POST /v1/messages/count_tokens') {
      return sendError(response, 404, { type: 'not_found_error', message: `There is no ${endpoint} here.` });
    }
    const read = await readJson(incoming);
    if ('error' in read) return sendError(response, read.status, read.error);
    const request = parseModelRequest({ method, path, headers, body: read.body });
    if (typeof request === 'string') {
      return sendError(response, 400, { type: 'invalid_request_error', message: request });
    }
    if (endpoint.endsWith('count_tokens')) {
      return sendJson(response, 200, () => ({ input_tokens: estimateInputTokens(request.body) }));
    }
    requests.push(request);
    if (requests.length > keepRequests) requests.shift();
    const turn = await chooseTurn(request);
    if (!signal.aborted) await playTurn(turn, { request, response, signal });
  }

  // Idle connections stay until their client or close() ends them: a timeout of ours could hit a request in flight.
  server.keepAliveTimeout = 0;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  let closed: Promise<unknown> | undefined;
  async function close(): Promise<void> {
    if (closed === undefined) {
      closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
    }
    await closed;
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    setScript(next) {
      chooseTurn = toChooser(next);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Reply {
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

/** A script as a function. Throws a `RangeError` for a list without a turn. */
function toChooser(script: Script): (request: ModelRequest) => Turn | Promise<Turn> {
  if (typeof script === 'function') return script;
  const last = script.at(-1);
  if (last === undefined) throw new RangeError('A script needs at least one turn.');
  return (request) => script[request.turn] ?? last;
}
