// A process of `longhaul doctor --drill`: the worker, or the server and worker, of the real commands with the
// configuration of a drill. Its only argument is a `ProcessSpec` as JSON.
import { toDrillConfig } from '../drill/drill-config.ts';
import type { ProcessSpec } from '../drill/drill-process.ts';
import { serve } from './serve.ts';
import { createShell } from './shell.ts';

const spec = JSON.parse(process.argv[2] ?? '') as ProcessSpec;
const shell = createShell();
await serve(shell, {
  roles: spec.roles,
  options: { ...(spec.file !== null && { config: spec.file }), json: true, port: spec.port, host: '127.0.0.1' },
  prepare: (config) => toDrillConfig(config, spec),
  onlyAgents: spec.onlyAgents ?? undefined,
});
process.stdout.write('', () => process.exit(shell.exitCode));
