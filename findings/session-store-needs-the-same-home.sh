#!/usr/bin/env bash
# The Agent SDK's session store gets nothing, without an error, when only the child has another HOME.
#
# Expected: `options.env` is the environment of Claude Code alone, so an agent with a home of its own still fills the
# `sessionStore` of its parent; or the query fails, or says that the store was not used.
# Seen with @anthropic-ai/claude-agent-sdk 0.3.332 (Claude Code 2.1.332): the query succeeds, `append` is never called,
# and nothing is printed. The parent looks for the transcript below its own CLAUDE_CONFIG_DIR, or its own HOME. With
# the same CLAUDE_CONFIG_DIR in both the store gets every entry.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir home parent
npm install --silent --no-audit --no-fund @anthropic-ai/claude-agent-sdk@0.3.332 >&2
cat >try.mjs <<'JS'
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { query } from '@anthropic-ai/claude-agent-sdk';
const sse = (type, data) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const usage = { input_tokens: 5, output_tokens: 5 };
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [], stop_reason: null, usage };
const model = createServer((request, response) => {
  request.resume().on('end', () => {
    if (!request.url.startsWith('/v1/messages?')) return response.writeHead(404).end('{}');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(
      sse('message_start', { message }) +
        sse('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
        sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Done.' } }) +
        sse('content_block_stop', { index: 0 }) +
        sse('message_delta', { delta: { stop_reason: 'end_turn' }, usage }) +
        sse('message_stop', {}),
    );
  });
});
await new Promise((resolve) => model.listen(0, '127.0.0.1', resolve));
const home = `${process.cwd()}/home`;
const config = process.argv[2] === 'same' ? { CLAUDE_CONFIG_DIR: process.env.CLAUDE_CONFIG_DIR } : {};
const entries = [];
const sessionStore = { append: async (key, more) => void entries.push(...more), load: async () => null };
const env = { PATH: process.env.PATH, HOME: home, ANTHROPIC_API_KEY: 'dummy', ...config };
env.ANTHROPIC_BASE_URL = `http://127.0.0.1:${model.address().port}`;
const options = { cwd: home, model: message.model, tools: [], settingSources: [], sessionStore, sessionStoreFlush: 'eager', env };
for await (const said of query({ prompt: 'Do it.', options })) if (said.type === 'result') console.log(said.subtype);
await delay(1_000);
console.log(entries.some(({ type }) => type === 'assistant') ? 'the store has the answer' : `${entries.length} entries`);
process.exit();
JS
{
  HOME=$dir/parent node try.mjs different 2>&1
  CLAUDE_CONFIG_DIR=$dir/home/.claude node try.mjs same 2>&1
} | tee seen
diff seen - <<'EXPECTED'
success
0 entries
success
the store has the answer
EXPECTED
echo 'as described'
