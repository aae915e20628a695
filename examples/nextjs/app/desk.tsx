'use client';

import { createClient, fetchToken } from 'longhaul/client';
import { LonghaulProvider, useLonghaul, useRun, useUserRuns } from 'longhaul/react';

const client = createClient({ url: '/api/longhaul', token: fetchToken('/api/token') });

export function Desk() {
  return (
    <LonghaulProvider client={client}>
      <Runs />
    </LonghaulProvider>
  );
}

function Runs() {
  const longhaul = useLonghaul();
  const { runs, isLive } = useUserRuns();
  return (
    <>
      <button disabled={!isLive} onClick={() => longhaul.submit({ agent: 'writer', prompt: 'Write a haiku.' })}>
        Write a haiku
      </button>
      {runs.map(({ id }) => (
        <Run key={id} id={id} />
      ))}
    </>
  );
}

function Run({ id }: { id: string }) {
  const { text, status, cancel } = useRun(id);
  return (
    <article>
      <p>{text}</p>
      <p className="status">{status}</p>
      {status === 'running' && <button onClick={cancel}>Stop</button>}
    </article>
  );
}
