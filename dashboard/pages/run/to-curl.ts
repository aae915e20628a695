import type { RunResource } from 'longhaul/client';

/** Returns the curl command that submits the same run. The key stays a variable. */
export function toCurl(run: RunResource, origin: string): string {
  const { agent, prompt, user, team, metadata, priority } = run;
  const body = {
    agent,
    prompt,
    ...(user !== null && { user }),
    ...(team !== null && { team }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(priority !== 0 && { priority }),
  };
  return [
    `curl ${quote(`${origin}/v1/runs`)}`,
    `  -H "Authorization: Bearer $LONGHAUL_API_KEY"`,
    `  -H 'Content-Type: application/json'`,
    `  -d ${quote(JSON.stringify(body))}`,
  ].join(' \\\n');
}

/** Quotes a text as one word for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
