// Starts Longhaul in this process, submits a run and follows it to its end.
//
//   npx node --conditions=longhaul-source examples/submit-and-follow.ts
//
// Without a provider's variables the built-in scripted model answers; with ANTHROPIC_API_KEY set, Claude does.
import path from 'node:path';
import { createLonghaul } from 'longhaul';

const longhaul = createLonghaul({
  agents: {
    reader: {
      tools: ['Read', 'Grep', 'Glob'],
      workspace: path.join(import.meta.dirname, 'workspace'),
      limits: { maxBudgetUsd: 0.5 },
    },
  },
});

// Uses the in-process client. For a Longhaul elsewhere use `createClient({ url, apiKey })`; the rest is the same.
const { client } = longhaul;
const submitted = await client.submit({ agent: 'reader', prompt: 'What is this workspace about?', user: 'ann' });
for await (const event of client.stream(submitted.id)) {
  if (event.type === 'agent.tool_use') console.log(event.data.name, event.data.input);
  if (event.type === 'agent.text.delta') process.stdout.write(event.data.text);
}

const run = await client.wait(submitted.id);
console.log(`\n${run.status}: $${run.costUsd} in ${run.turns} turns`);
await longhaul.stop();
