import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { describe, it } from 'vitest';
import { findSandbox } from '../agent/sandbox/sandbox.ts';
import {
  DOORS,
  isRoot,
  knock,
  lookAround,
  onMachine,
  readAll,
  SECRET,
  undo,
  users,
} from './isolated-machine.fixture.ts';

/** Tests from inside a sandbox: the real executable, its real Bash, and a worker in a separate process. */

const run = promisify(execFile);
const found = await findSandbox();

const SYSTEM_DIRECTORIES = ['/', '/usr', '/usr/bin', '/etc', '/etc/ssl/certs', '/dev', '/proc', '/proc/sys', '/home'];

/** Starts a web server on this machine's loopback. */
async function startService(): Promise<AsyncDisposable & { readonly port: number; readonly seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end(`${SECRET} of a service`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe.runIf('kind' in found).concurrent('an agent in a sandbox', () => {
  it.for(users)('finds nothing that is not its own, as %s', async ([, uid], { skip, expect }) => {
    const { outcome, answers } = await onMachine({ skip, uid, sandbox: {} }, (places) => [
      readAll(places),
      lookAround(),
      knock(places),
      'ls -A / /dev /etc; ls -d /proc/[0-9]* | wc -l; tr "\\0" "\\n" < /proc/1/environ | grep -c PROVIDER_KEY',
    ]);
    expect(outcome.status).toBe('succeeded');
    expect(answers.join('\n')).not.toContain(SECRET);
    expect(answers[1]).toContain('looked around');
    expect(answers[2]?.trim().split('\n')).toEqual(DOORS.map(() => expect.stringMatching(/^E[A-Z]+$/) as string));
    const shown = answers[3]?.split(/\s+/) ?? [];
    for (const hidden of ['home', 'var', 'sys', 'shadow', 'vda', 'mem', 'kmsg', 'hostname', 'resolv.conf']) {
      expect(shown).not.toContain(hidden);
    }
    for (const device of ['null', 'zero', 'random', 'urandom']) expect(shown).toContain(device);
    // Claude Code, the shell of the tool, and what it starts.
    expect(Number(/\n(\d+)\n0\n?$/.exec(answers[3] ?? '')?.[1])).toBeLessThan(8);
  });

  it.for(users)('cannot undo its walls, as %s', async ([, uid], { skip, expect }) => {
    const { answers } = await onMachine({ skip, uid, sandbox: {} }, (places) => [
      undo(places),
      `(unshare --user true && echo UNDONE namespace) 2> /dev/null; (unshare --net true && echo UNDONE net) 2> /dev/null; ${readAll(places)}`,
      // Family 40 leads from a virtual machine to its host, past every network. Perl is part of every Debian.
      `perl -e 'for (40, 38, 17) { print socket(my $s, $_, 2, 0) ? "UNDONE socket\n" : "$!\n" }'; grep Seccomp: /proc/self/status`,
    ]);
    expect(answers[0]).toContain('NoNewPrivs:\t1');
    expect(answers[2]).toMatch(/^(Address family not supported by protocol\n){3}Seccomp:\t2/);
    expect(answers.join('\n')).not.toMatch(/UNDONE/);
    expect(answers.join('\n')).not.toContain(SECRET);
  });

  it.for(users)('writes in its workspace and its temporary files only, as %s', async ([, uid], { skip, expect }) => {
    const { answers, leftInTemporary, written } = await onMachine(
      { skip, uid, sandbox: {} },
      ({ root = '', home = '' }) => [
        [...SYSTEM_DIRECTORIES, root, home]
          .map((place) => `(echo x > '${place}/written' && echo "WROTE ${place}.") 2> /dev/null`)
          .join('; '),
        'cat given; echo new > made; cat made; echo x > /tmp/y && cat $TMPDIR/y; echo h > ~/z && cat ~/z; echo s > /dev/shm/s && cat /dev/shm/s',
        'id -un; echo hello > /dev/null; head -c 4 /dev/urandom | wc -c; git init -q . && git status --short | wc -l; node -p 1+1; getent hosts localhost',
      ],
    );
    // The paths of the workspace lie in the temporary directory here, so the agent has its own.
    expect(answers[0]?.match(/WROTE \/(?!tmp\/).*/g)).toBeNull();
    expect(written).toEqual([]);
    expect(answers[1]?.trim()).toBe('what the run works on\nnew\nx\nh\ns');
    expect(answers[2]).toMatch(/^(root|agent)\n4\n\d\n2\n/);
    expect(leftInTemporary.toSorted()).toEqual(['longhaul-worker-1', 'longhaul-worker-2', 'upload']);
  });

  it.for(users)('reaches only the model, and every try is an event, as %s', async ([, uid], { skip, expect }) => {
    await using service = await startService();
    const { port } = service;
    const fetchIt = (url: string, more = '') => `curl -sS -m 5 ${more} ${url} 2>&1`;
    const { outcome, answers, connections } = await onMachine({ skip, uid, sandbox: {} }, () => [
      [
        fetchIt(`http://127.0.0.1:${port}/direct`),
        fetchIt(`http://127.0.0.1:${port}/by-the-proxy`, "--noproxy ''"),
        fetchIt(`http://localhost:${port}/by-name`, "--noproxy ''"),
        fetchIt('http://169.254.169.254/latest'),
        fetchIt('https://10.0.0.1/'),
        fetchIt('https://example.com/'),
        fetchIt('http://93.184.216.34/', "--noproxy '*'"),
      ].join('; '),
      'getent hosts example.com; echo "found: $?"; node -e "fetch(\'https://example.org/\').catch((error) => console.log(String(error.cause ?? error)))"',
    ]);
    expect(outcome.status).toBe('succeeded');
    expect(answers.join('\n')).not.toContain(SECRET);
    expect(service.seen).toEqual([]);
    expect(answers[0]).toContain('agents.tester.sandbox.network.allow does not contain it');
    expect(answers[1]).toContain('found: 2');
    const tried = connections.map(({ host, port: to, decision, reason }) => `${host}:${to} ${decision} ${reason}`);
    expect(tried).toEqual([
      `127.0.0.1:${port} refused host`,
      `localhost:${port} refused host`,
      '169.254.169.254:80 refused host',
      '10.0.0.1:443 refused host',
      'example.com:443 refused host',
      'example.org:443 refused host',
    ]);
  });

  it.for(users)('reaches the hosts of its list through the worker, as %s', async ([, uid], { skip, expect }) => {
    await using service = await startService();
    const { port } = service;
    const sandbox = { allow: [`localhost:${port}`, `127.0.0.1:${port}`] };
    const { answers, connections } = await onMachine({ skip, uid, sandbox }, () => [
      `curl -sS -m 5 --noproxy '' http://localhost:${port}/page; echo; curl -sS -m 5 --noproxy '' -p http://127.0.0.1:${port}/tunnel`,
      `curl -sS -m 5 --noproxy '' http://localhost:${port + 1}/`,
    ]);
    expect(answers[0]).toBe(`${SECRET} of a service\n${SECRET} of a service`);
    expect(service.seen).toEqual(['GET /page', 'GET /tunnel']);
    expect(connections).toMatchObject([
      { host: 'localhost', port, decision: 'allowed' },
      { host: '127.0.0.1', port, decision: 'allowed' },
      { host: 'localhost', port: port + 1, decision: 'refused', reason: 'port' },
    ]);
    for (const { sentBytes, receivedBytes } of connections.slice(0, 2)) {
      expect(sentBytes).toBeGreaterThan(50);
      expect(receivedBytes).toBeGreaterThan(SECRET.length);
    }
  });

  it.for(users)('is ended when it starts too many processes, as %s', async ([, uid], { skip, expect }) => {
    const { outcome } = await onMachine({ skip, uid, sandbox: { pids: 100 } }, () => [
      `node -e "for (let i = 0; i < 150; i++) require('child_process').spawn('sleep', ['60']).on('error', () => {}); setTimeout(() => {}, 60000)"`,
    ]);
    expect(outcome).toMatchObject({ status: 'failed', code: 'processes_exceeded' });
    expect(outcome.detail).toMatch(/^The run had \d+ processes and threads at once, of at most 100/);
    // The kernel itself holds the limit of an ordinary user.
    if (uid !== null || !isRoot) expect(Number(/had (\d+)/.exec(outcome.detail ?? '')?.[1])).toBeLessThan(110);
  });

  it.for([
    ['files', 'for i in $(seq 6); do head -c 10M /dev/zero > file-$i; done; sleep 60'],
    ['temporary files', 'head -c 60M /dev/zero > /tmp/large; sleep 60'],
    ['a file without a name', 'exec 7> gone; rm gone; head -c 60M /dev/zero >&7; sleep 60'],
    [
      'a great many empty files',
      `mkdir many && node -e "for (let i = 0; i < 55000; i++) require('fs').writeFileSync('many/' + i, '')"; sleep 60`,
    ],
    ['files in a closed directory', 'mkdir closed; head -c 60M /dev/zero > closed/large; chmod 0 closed; sleep 60'],
  ] as const)('is ended when it writes too much: %s', async ([, command], { skip, expect }) => {
    const [, uid] = users.at(-1)!;
    const { outcome } = await onMachine({ skip, uid, sandbox: { diskMb: 50 } }, () => [command]);
    expect(outcome).toMatchObject({ status: 'failed', code: 'disk_exceeded' });
    expect(outcome.detail).toMatch(/^The run wrote \d+ MB to its workspace and temporary files, of at most 50 MB/);
  });

  it.for(users)('cannot fill the memory of the machine with files, as %s', async ([, uid], { skip, expect }) => {
    const { answers } = await onMachine({ skip, uid, sandbox: {} }, () => [
      'head -c 200M /dev/zero > /dev/shm/large; ls -l /dev/shm/large | cut -d" " -f5; rm /dev/shm/large; mount | grep tmpfs | grep -c "(rw"',
    ]);
    expect(answers[0]).toContain('No space left on device');
    // Devices are on one, and shared memory is.
    expect(Number(/\n(\d+)\n/.exec(answers[0] ?? '')?.[1])).toBeLessThanOrEqual(64 * 1_048_576);
  });

  it.for(users)('is ended when it opens too many files, as %s', async ([, uid], { skip, expect }) => {
    const open = `const fs = require('fs'); for (let i = 0; i < 200; i++) fs.openSync('/dev/null'); setTimeout(() => {}, 60000)`;
    const { outcome } = await onMachine({ skip, uid, sandbox: { openFiles: 500 } }, () => [
      `for i in 1 2 3; do node -e "${open}" & done; wait`,
    ]);
    expect(outcome).toMatchObject({ status: 'failed', code: 'open_files_exceeded' });
    expect(outcome.detail).toMatch(/^The run had \d+ files open at once, of at most 500/);
  });

  it.for(users)('leaves nothing behind, as %s', async ([, uid], { skip, expect }) => {
    const seconds = uid === null ? 6431 : 6432;
    const { outcome, answers } = await onMachine({ skip, uid, sandbox: {} }, () => [
      `env -i setsid sh -c "sleep ${seconds} & exit"; echo started`,
    ]);
    expect(outcome.status).toBe('succeeded');
    expect(answers[0]).toBe('started');
    const { stdout } = await run('pgrep', ['-f', `^sleep ${seconds}`]).catch(() => ({ stdout: '' }));
    expect(stdout).toBe('');
  });
});
