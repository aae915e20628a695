import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkFindings, checkTests, checkTypes, observeIn } from './upstream/check-checkout.ts';
import { findVersion, makeCheckout, readPin, SDK } from './upstream/checkout.ts';
import { compareObservations } from './upstream/observation.ts';
import { toText, type UpstreamReport } from './upstream/report.ts';

// Tries an Agent SDK that is not pinned: installs it in a temporary copy of the working tree, runs there what rests on
// its behaviour, and prints the differences from the pinned one. Nothing in the working tree changes.

const USAGE = `npm run upstream -- [VERSION] [--json] [--no-tests]
  VERSION     such as 0.3.332; by default the newest of the configured npm registry
  --json      print the report as JSON, complete
  --no-tests  leave out the tests, which take minutes
Exits with 1 when something that Longhaul relies on does not hold, and with 2 when that could not be found out.`;

const root = path.resolve(import.meta.dirname, '..');
const say = (text: string) => process.stderr.write(`${text}\n`);

interface Choices {
  readonly version: string;
  readonly areTestsRun: boolean;
  readonly signal: AbortSignal;
}

function readChoices(): { wanted: string; isJson: boolean; areTestsRun: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, 'no-tests': { type: 'boolean' } },
  });
  const [wanted = 'latest', ...others] = positionals;
  if (others.length > 0) throw new Error(`Name a single version; received ${positionals.join(' ')}.`);
  if (wanted !== 'latest' && !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(wanted)) {
    throw new Error(`A version has the form 0.3.332; received ${wanted}.`);
  }
  return { wanted, isJson: values.json === true, areTestsRun: values['no-tests'] !== true };
}

async function tryVersion({ version, areTestsRun, signal }: Choices): Promise<UpstreamReport> {
  say(`Installing ${SDK}@${version} in a temporary copy …`);
  const { directory, remove } = await makeCheckout(root, { version, signal });
  try {
    say('Observing the pinned version …');
    const pinned = await observeIn({ directory: root, signal });
    say(`Observing ${version} …`);
    const tried = await observeIn({ directory, signal });
    say('Compiling …');
    const checks = [await checkTypes({ directory, signal })];
    const findings = await checkFindings({ directory, signal });
    if (areTestsRun) {
      say('Running the tests, which takes minutes …');
      checks.push(await checkTests({ directory, signal }));
    }
    return {
      pinned: { sdk: pinned.sdk, claudeCode: pinned.claudeCode },
      tried: { sdk: tried.sdk, claudeCode: tried.claudeCode },
      holds: tried.faults.length === 0 && checks.every(({ isOk }) => isOk),
      areTestsRun,
      differences: compareObservations(pinned, tried),
      faults: tried.faults,
      checks,
      findings,
    };
  } finally {
    await remove();
  }
}

try {
  const { wanted, isJson, areTestsRun } = readChoices();
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  const version = await findVersion(root, wanted);
  if (wanted === 'latest' && version === (await readPin(root))) {
    say(`The pin, ${version}, is the newest version.`);
  } else {
    const report = await tryVersion({ version, areTestsRun, signal: stopping.signal });
    console.log(isJson ? JSON.stringify(report, null, 2) : toText(report));
    process.exitCode = report.holds ? 0 : 1;
  }
} catch (error) {
  say(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 2;
}
