import type { IncomingMessage } from 'node:http';
import type { FollowedRun, HeardEvent } from './peer.ts';
import type { RunEvent } from './programs/event-stream.ts';
import { openStream, readFrames } from './read-frames.ts';

/** Follows a run of a peer. As its clients do, it drops the text of an attempt when another begins. */
export async function followPeer(
  stream: IncomingMessage,
  hear: (event: HeardEvent) => void = () => {},
): Promise<FollowedRun> {
  let text = '';
  let isSuccess: boolean | null = null;
  await readFrames(stream, ({ data }) => {
    const event = JSON.parse(data) as RunEvent;
    if (event.type === 'started') text = '';
    if (event.type === 'text') {
      text += event.text;
      hear({ type: 'text', text: event.text });
    }
    if (event.type === 'succeeded' || event.type === 'failed') {
      isSuccess = event.type === 'succeeded';
      hear({ type: 'ended', isSuccess });
    }
  });
  return { text, isSuccess };
}

/** Opens the stream of a run of a peer with a queue. */
export async function openPeerRun(url: string, id: string): Promise<IncomingMessage> {
  const stream = await openStream({ url: `${url}/runs/${id}/events` });
  if (stream.statusCode !== 200) throw new Error(`A reader was answered with ${stream.statusCode}.`);
  return stream;
}

/** Submits to a peer with a queue; null when the budget of the day is spent. */
export async function submitToPeer(url: string, submission: { prompt: string; user: string }): Promise<string | null> {
  const response = await fetch(`${url}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(submission),
  });
  if (response.status === 402) return null;
  if (response.status !== 202) throw new Error(`A submission was answered with ${response.status}.`);
  return ((await response.json()) as { id: string }).id;
}
