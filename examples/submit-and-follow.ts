// Starts Longhaul in this process, submits a run and follows it to its end.
//
//   npx node --conditions=longhaul-source examples/submit-and-follow.ts
//
// Without a provider's variables the built-in scripted model answers; with ANTHROPIC_API_KEY set, Claude does.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createLonghaul } from 'longhaul';
import { createClient } from 'longhaul/client';

const longhaul = createLonghaul({
  agents: {
    reader: {
      tools: ['Read', 'Grep', 'Glob'],
      workspace: path.join(import.meta.dirname, 'workspace'),
      limits: { maxBudgetUsd: 0.5 },
    },
  },
});
await longhaul.start();

const apiKey = (await readFile(path.join(longhaul.config.dataDir, 'admin-key'), 'utf8')).trim();
// Of a Longhaul elsewhere only `url` is needed; `fetch` saves the way over a port.
const client = createClient({ url: 'http://longhaul.localhost', apiKey, fetch: longhaul.fetch });

const submitted = await client.submit({ agent: 'reader', prompt: 'What is this workspace about?', user: 'ann' });
for await (const { type, data } of client.stream(submitted.id)) {
  if (type === 'agent.tool_use') console.log(data.name, data.input);
  if (type === 'agent.text.delta') process.stdout.write(String(data.text));
}

const run = await client.run(submitted.id);
console.log(`\n${run.status}: $${run.costUsd} in ${run.turns} turns`);
await longhaul.stop();
