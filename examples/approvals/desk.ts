// Shows pending approvals one after the other and asks in the terminal. Reads answers line by line from standard
// input: `y`, `n`, or `n` and a reason.
//
//   longhaul start        # in another terminal, in the same directory
//   node desk.ts
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createClient, type ApprovalResource } from 'longhaul/client';

const url = process.env['LONGHAUL_URL'] ?? 'http://127.0.0.1:4400';
const apiKey = process.env['LONGHAUL_API_KEY'] ?? (await readFile('.longhaul/admin-key', 'utf8')).trim();
const client = createClient({ url, apiKey });

const input = createInterface({ input: process.stdin });
const lines = input[Symbol.asyncIterator]();
const abort = new AbortController();
input.once('close', () => abort.abort());

async function ask({ id, agent, user, tool }: ApprovalResource): Promise<boolean> {
  console.log(`${agent}${user === null ? '' : ` for ${user}`} asks to use ${tool.name} ${JSON.stringify(tool.input)}`);
  console.log('Allow it? y, or n and a reason');
  const { done, value } = await lines.next();
  if (done) return false;
  const [, word = '', reason = ''] = /^(\S*)\s*(.*)$/.exec(value) ?? [];
  const { status } = word.startsWith('y') ? await client.approve(id) : await client.deny(id, reason);
  console.log(`${status}.`);
  return true;
}

async function askAll(): Promise<boolean> {
  const { data } = await client.approvals({ status: 'pending', limit: 200 });
  for (const approval of data.reverse()) if (!(await ask(approval))) return false;
  return true;
}

// Reads the pending approvals once the stream is open, so that none is missed; then each new one from the stream.
const { promise: opened, resolve: onOpen } = Promise.withResolvers<number>();
const events = client.streamAll({ onOpen, signal: abort.signal });
const first = events.next();
await opened;
console.log(`Waiting for what is asked at ${url}.`);
let goesOn = await askAll();
for (let next = await first; goesOn && !next.done; next = await events.next()) {
  if (next.value.type === 'approval.requested') goesOn = await askAll();
}
input.close();
