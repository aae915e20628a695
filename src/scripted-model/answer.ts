import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { toApiErrorStatus } from '../core/api-errors.ts';
import type { ApiError } from './api-error.ts';
import { toErrorBody } from './api-error.ts';
import { createApiId } from './api-id.ts';
import { estimateUsage } from './estimate-usage.ts';
import type { Message } from './message.ts';
import { toJsonMessage, toOpenStream, toStreamEnd, toStreamError } from './message.ts';
import type { ModelRequest } from './model-request.ts';
import type { Answer, Turn } from './turns.ts';
import { toFullTurn } from './turns.ts';
import { writeSteps } from './write-stream.ts';

interface Exchange {
  readonly request: ModelRequest;
  readonly response: ServerResponse;
  /** Aborts when the client is gone: everything here then ends at once, by throwing. */
  readonly signal: AbortSignal;
}

/** Plays one turn as the answer to one request. */
export async function playTurn(given: Turn, { request, response, signal }: Exchange): Promise<void> {
  const turn = toFullTurn(given);
  switch (turn.type) {
    case 'failure':
      if (turn.retryAfterSeconds !== null) response.setHeader('retry-after', String(turn.retryAfterSeconds));
      return sendError(response, turn.status, turn.error);
    case 'silence':
      if (turn.areHeadersSent) openBody(request, response);
      return untilGone(signal);
    case 'answer':
      if (turn.firstByteDelayMs > 0) await sleep(turn.firstByteDelayMs, undefined, { signal });
      return isStreaming(request)
        ? playStream(turn, { request, response, signal })
        : playWhole(turn, { request, response, signal });
  }
}

/** Sends an error in Anthropic's form. */
export function sendError(response: ServerResponse, status: number, error: ApiError): void {
  sendJson(response, status, (requestId) => toErrorBody(error, requestId));
}

/** Sends a JSON body, with the request id that every answer of the API has. */
export function sendJson(response: ServerResponse, status: number, toBody: (requestId: string) => unknown): void {
  const requestId = createApiId('req');
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': requestId });
  response.end(JSON.stringify(toBody(requestId)));
}

async function playStream(turn: Answer, { request, response, signal }: Exchange): Promise<void> {
  const message = toMessage(turn, request);
  openBody(request, response);
  await writeSteps(toOpenStream(message), { target: response, signal });
  if (turn.ending === 'hang') return untilGone(signal);
  if (turn.ending === 'cut') return breakConnection(response);
  const end = turn.ending === 'complete' ? toStreamEnd(message) : toStreamError(turn.ending);
  await writeSteps(end, { target: response, signal });
  response.end();
}

async function playWhole(turn: Answer, { request, response, signal }: Exchange): Promise<void> {
  const message = toMessage(turn, request);
  // The duration of the stream, spent before the single body.
  let delayMs = 0;
  for (const step of toOpenStream(message)) delayMs += step.delayMs;
  if (delayMs > 0) await sleep(delayMs, undefined, { signal });
  if (turn.ending === 'complete') return sendJson(response, 200, () => toJsonMessage(message));
  if (typeof turn.ending === 'object') return sendError(response, toApiErrorStatus(turn.ending.type), turn.ending);
  openBody(request, response);
  return turn.ending === 'cut' ? breakConnection(response) : untilGone(signal);
}

function toMessage(turn: Answer, request: ModelRequest): Message {
  const usesTool = turn.blocks.some((block) => block.type === 'tool_use');
  return {
    model: request.model,
    blocks: turn.blocks,
    usage: turn.usage ?? estimateUsage(request, turn.blocks),
    stopReason: turn.stopReason ?? (usesTool ? 'tool_use' : 'end_turn'),
    stopDetails: turn.stopDetails,
    isMidBlock: turn.isMidBlock,
  };
}

function isStreaming(request: ModelRequest): boolean {
  return request.body['stream'] === true;
}

function openBody(request: ModelRequest, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': isStreaming(request) ? 'text/event-stream; charset=utf-8' : 'application/json',
    'cache-control': 'no-cache',
    'request-id': createApiId('req'),
  });
  response.flushHeaders();
}

/** Ends the connection in the middle of the body, after everything written so far was sent. */
async function breakConnection({ socket }: ServerResponse): Promise<void> {
  // Flush first: destroying a socket discards data that it has not passed to the system yet.
  if (socket !== null && socket.writableLength > 0) await new Promise((done) => socket.write('', done));
  socket?.destroy();
}

async function untilGone(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
