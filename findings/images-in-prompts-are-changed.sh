#!/usr/bin/env bash
# Claude Code does not pass on an image in a prompt as it was sent: it reduces it, and names its own copy to the model.
#
# Expected: an image block of a streamed user message reaches the model byte for byte, with nothing beside it.
# Seen with @anthropic-ai/claude-agent-sdk 0.3.332 (Claude Code 2.1.332): a PNG of 3 MB becomes a JPEG below 1 MB, one of 3,000
# pixels is reduced to 2,000, the text beside it ends with a new line, and a further block has the path of a copy on disk.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir home
npm install --silent --no-audit --no-fund @anthropic-ai/claude-agent-sdk@0.3.332 >&2
cat >try.mjs <<'JS'
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { crc32, deflateSync } from 'node:zlib';
import { query } from '@anthropic-ai/claude-agent-sdk';
const sse = (type, data) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const usage = { input_tokens: 5, output_tokens: 5 };
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [], stop_reason: null, usage };
let blocks = [];
const model = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  if (!request.url.startsWith('/v1/messages?')) return response.writeHead(404).end('{}');
  blocks = JSON.parse(body).messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(
    sse('message_start', { message }) +
      sse('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
      sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Seen.' } }) +
      sse('content_block_stop', { index: 0 }) +
      sse('message_delta', { delta: { stop_reason: 'end_turn' }, usage }) +
      sse('message_stop', {}),
  );
});
await new Promise((resolve) => model.listen(0, '127.0.0.1', resolve));
const home = `${process.cwd()}/home`;
const env = { PATH: process.env.PATH, HOME: home, CLAUDE_CONFIG_DIR: `${home}/.claude`, ANTHROPIC_API_KEY: 'dummy' };
Object.assign(env, { ANTHROPIC_BASE_URL: `http://127.0.0.1:${model.address().port}` });
env.CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = '1';

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A picture of noise, without compression. */
function png(width, height) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const rows = Array.from({ length: height }, () => Buffer.concat([Buffer.alloc(1), randomBytes(width * 3)]));
  const data = deflateSync(Buffer.concat(rows), { level: 0 });
  const start = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([start, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

for (const [width, height] of [[10, 10], [1000, 1000], [3000, 300]]) {
  const sent = png(width, height).toString('base64');
  const source = { type: 'base64', media_type: 'image/png', data: sent };
  const content = [{ type: 'image', source }, { type: 'text', text: 'Look.' }];
  async function* prompt() {
    yield { type: 'user', message: { role: 'user', content }, parent_tool_use_id: null };
  }
  const options = { cwd: home, model: message.model, tools: [], settingSources: [], env };
  for await (const _ of query({ prompt: prompt(), options }));
  const { source: got } = blocks.find(({ type }) => type === 'image');
  const size = got.data === sent ? 'as sent' : got.data.length < 1_000_000 ? 'below 1 MB' : 'changed';
  const note = blocks.find(({ text }) => text?.startsWith('[Image: source: '))?.text ?? 'none';
  const text = blocks.find(({ text }) => text?.startsWith('Look.')).text;
  console.log(`${width}x${height}: ${got.media_type}, ${size}; ${JSON.stringify(text)}; ${note.replace(/\/\S*\//, '/…/')}`);
}
process.exit();
JS
node try.mjs | tee seen
diff seen - <<'EXPECTED'
10x10: image/png, as sent; "Look.\n"; [Image: source: /…/1.png]
1000x1000: image/jpeg, below 1 MB; "Look.\n"; [Image: source: /…/1.png]
3000x300: image/jpeg, below 1 MB; "Look.\n"; [Image: source: /…/1.png, original 3000x300, displayed at 2000x200. Multiply coordinates by 1.50 to map to original image.]
EXPECTED
