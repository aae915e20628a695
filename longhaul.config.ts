import { defineConfig } from 'longhaul';

// The sample that `longhaul start` uses in this checkout. Every option but `agents` and `tools` has a
// default; a wrong value or an unknown key is refused at start, by its path.
export default defineConfig({
  agents: {
    // Submit to it with: longhaul run reader "What is late today?" --follow
    reader: {
      tools: ['Read', 'Grep', 'Glob'], // These and no others; [] means none.
      workspace: './examples/workspace', // Shared by all runs, since the agent only reads.
      limits: { maxBudgetUsd: 0.5, maxTurns: 15, timeoutSeconds: 120 }, // Of each run; a submission may lower them.
    },
  },
  worker: { slots: 4 }, // Runs at once in this process.
});
