#!/usr/bin/env bash
# The answer is not the last entry of a conversation in the Agent SDK's session store.
#
# Expected: a turn without tools ends with the `assistant` entry of its answer, so whoever finds that entry last knows
# that the conversation is complete.
# Seen with @anthropic-ai/claude-agent-sdk 0.3.332 (Claude Code 2.1.332): another attachment, `prompt_snapshot`, follows
# the answer, then `last-prompt` and `cost-state`. Some of these arrive only after the `result` message, although the
# store is flushed eagerly. A resumed conversation is complete if its last answer has the stop_reason `end_turn`, and
# no `user` entry and no `queued_command` attachment follows it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir home
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
const entries = [];
const sessionStore = { append: async (key, more) => void entries.push(...more), load: async () => null };
const env = { PATH: process.env.PATH, HOME: home, ANTHROPIC_API_KEY: 'dummy' };
// In both processes, or the store gets nothing.
env.CLAUDE_CONFIG_DIR = process.env.CLAUDE_CONFIG_DIR;
env.ANTHROPIC_BASE_URL = `http://127.0.0.1:${model.address().port}`;
const options = { cwd: home, model: message.model, tools: [], settingSources: [], sessionStore, sessionStoreFlush: 'eager', env };
for await (const said of query({ prompt: 'Do it.', options })) if (said.type === 'result') console.log(said.subtype);
await delay(1_000);
const kinds = entries.map(({ type, attachment, message: of }) => attachment?.type ?? of?.stop_reason ?? type);
console.log(kinds.slice(kinds.indexOf('end_turn')).join(' ') || 'nothing');
process.exit();
JS
CLAUDE_CONFIG_DIR=$dir/home/.claude node try.mjs | tee seen
diff seen - <<'EXPECTED'
success
end_turn prompt_snapshot last-prompt cost-state
EXPECTED
echo 'as described'
