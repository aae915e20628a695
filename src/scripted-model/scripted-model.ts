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
 * The answers of a scripted model. A list has no state: the number of answers that the conversation already contains
 * selects the turn, and the last turn repeats, so that many runs can share one model. A function decides itself.
 */
export type Script = readonly Turn[] | ((request: ModelRequest) => Turn | Promise<Turn>);

export interface ScriptedModelOptions {
  /** Defaults to `demoScript`. */
  readonly script?: Script;
  /** Defaults to any free port. */
  readonly port?: number;
  /** Number of the newest requests to keep for `requests`. Defaults to all; use 0 in a long-lived process. */
  readonly keepRequests?: number;
}

export interface ScriptedModel {
  /** For `ANTHROPIC_BASE_URL`: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** The calls of the Messages API so far, oldest first. */
  readonly requests: readonly ModelRequest[];
  /** Answers every later request with another script. */
  setScript(script: Script): void;
  /** Stops listening and ends every connection, hanging ones included. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a Messages API on 127.0.0.1 that answers by script, for the real Claude Code executable. Rejects when the port
 * is already in use.
 */
export async function startScriptedModel(options: ScriptedModelOptions = {}): Promise<ScriptedModel> {
  const { port = 0, keepRequests = Infinity } = options;
  const requests: ModelRequest[] = [];
  let chooseTurn = toChooser(options.script ?? demoScript);

  const serve = guarded((incoming: IncomingMessage, response: ServerResponse) => {
    // A client that goes away ends the work for it at once, and so does close().
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    respond(incoming, { response, signal: gone.signal }).catch((cause: unknown) => {
      if (gone.signal.aborted) return;
      // An invalid request, which Claude Code reports soon; it would retry a 500 for three minutes.
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

  // Idle connections stay open until their client or close() ends them: a timeout could hit a request in progress.
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

/** Converts a script to a function. Throws a `RangeError` for a list without a turn. */
function toChooser(script: Script): (request: ModelRequest) => Turn | Promise<Turn> {
  if (typeof script === 'function') return script;
  const last = script.at(-1);
  if (last === undefined) throw new RangeError('A script needs at least one turn.');
  return (request) => script[request.turn] ?? last;
}
