import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createConfig } from '../alert.fixture.ts';
import { startReceiver, type Receiver } from '../receiver.fixture.ts';
import type { LonghaulConfig } from '../../config/schema.ts';
import type { Message } from './channel.ts';
import { openChannel } from './open-channel.ts';

type ChannelInput = NonNullable<NonNullable<LonghaulConfig['alerts']>['channels']>[number];

const SECRET = 'whsec_bG9uZ2hhdWwtdGVzdC1zZWNyZXQtMDEyMw==';
const never = new AbortController().signal;

const message: Message = {
  id: '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f',
  what: 'opened',
  at: new Date('2026-03-10T12:00:00Z'),
  alert: {
    id: '01968a3e-0000-7d40-9f7a-5d2e8c1b4a6f',
    key: 'queue_depth:reader',
    rule: 'queue_depth',
    severity: 'warning',
    state: 'open',
    title: '51 runs wait in queue <reader> & co',
    detail: 'More than 50 wait.',
    data: { waiting: 51 },
    openedAt: '2026-03-10T12:00:00.000Z',
    lastSeenAt: '2026-03-10T12:00:00.000Z',
    notifiedAt: '2026-03-10T12:00:00.000Z',
    timesNotified: 1,
    resolvedAt: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
  },
};

function open(channel: ChannelInput, write: (line: string) => void = () => {}) {
  const { channels } = createConfig({ alerts: { channels: [channel] } }).alerts;
  return openChannel(
    channels.find(({ type }) => type === channel.type)!,
    pino({ level: 'info' }, { write }),
  );
}

describe('the log', () => {
  it.each([
    ['critical', 'opened', 60],
    ['critical', 'repeated', 60],
    ['warning', 'opened', 40],
    ['info', 'opened', 30],
    ['critical', 'resolved', 30],
  ] as const)('receives a %s alert that is %s at level %i', async (severity, what, level) => {
    const lines: string[] = [];
    const channel = open({ type: 'log' }, (line) => lines.push(line));
    await channel.send({ ...message, what, alert: { ...message.alert, severity } }, never);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level, key: 'queue_depth:reader', what, severity, msg: expect.stringContaining(message.alert.title) as string },
    ]);
  });
});

describe('channels over HTTP', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  it('send a webhook that the standard’s own library verifies, with no other secret', async () => {
    await open({ type: 'webhook', url: receiver.url, secret: SECRET }).send(message, never);
    const [{ headers, body }] = receiver.received as [(typeof receiver.received)[number]];
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': message.id });
    expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual({
      type: 'alert.opened',
      timestamp: '2026-03-10T12:00:00.000Z',
      data: message.alert,
    });
    const other = new Webhook('whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA==');
    expect(() => other.verify(body, headers as Record<string, string>)).toThrow('No matching signature');
  });

  it('send a webhook without a secret unsigned', async () => {
    await open({ type: 'webhook', url: receiver.url }).send(message, never);
    expect(receiver.received[0]?.headers['webhook-signature']).toBeUndefined();
    expect(receiver.received[0]?.headers['webhook-id']).toBe(message.id);
  });

  it('send Slack a text in which nothing is a link or a mention', async () => {
    await open({ type: 'slack', url: receiver.url }).send(message, never);
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toEqual({
      text: '*[warning] 51 runs wait in queue &lt;reader&gt; &amp; co*\nMore than 50 wait.',
    });
    await open({ type: 'slack', url: receiver.url }).send({ ...message, what: 'resolved' }, never);
    expect(receiver.received[1]?.body).toContain('[resolved] 51 runs');
  });

  it.each([302, 307, 400, 410, 429, 500])('treat %i as a rejection and follow no redirect', async (status) => {
    receiver.state.status = status;
    const sending = open({ type: 'slack', url: receiver.url }).send(message, never);
    await expect(sending).rejects.toThrow(`HTTP status ${status}`);
    expect(receiver.received).toHaveLength(1);
  });

  it('report why they cannot connect without the address, which may be the secret', async () => {
    const { url } = receiver;
    await receiver.close();
    await expect(open({ type: 'slack', url: `${url}/T0/hunter2` }).send(message, never)).rejects.toThrow(
      /^no connection: ECONNREFUSED$/,
    );
    receiver = await startReceiver();
  });

  it('give up when their signal aborts', async () => {
    receiver.state.status = 0;
    const leaving = new AbortController();
    receiver.state.onReceived = () => leaving.abort();
    await expect(open({ type: 'slack', url: receiver.url }).send(message, leaving.signal)).rejects.toThrow(
      'connection',
    );
  });
});

describe('mail', () => {
  let server: SMTPServer;
  let mails: { from: string; to: string[]; text: string; user: unknown }[];

  async function listen(options: SMTPServerOptions = {}) {
    mails = [];
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username, password }, _session, done) =>
        password === 'hunter2' ? done(null, { user: username }) : done(new Error('no: hunter1')),
      onData: (stream, { envelope, user }, done) => {
        const read = async () => {
          const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
          mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), text: await text(stream), user });
        };
        void read().finally(done);
      },
      ...options,
    });
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    return (server.server.address() as AddressInfo).port;
  }
  afterEach(() => new Promise<void>((resolve) => server.close(resolve)));

  const create = (port: number, login: { user?: string; password?: string } = {}) =>
    open({
      type: 'email',
      to: ['ops@example.com', 'night@example.com'],
      from: 'longhaul@example.com',
      smtp: { host: '127.0.0.1', port, ...login },
    });

  it('is sent by SMTP, in plain text, with its own id', async () => {
    await create(await listen()).send(message, never);
    expect(mails).toMatchObject([{ from: 'longhaul@example.com', to: ['ops@example.com', 'night@example.com'] }]);
    const mail = mails[0]?.text ?? '';
    expect(mail).toContain('Subject: Longhaul [warning] 51 runs wait in queue <reader> & co');
    expect(mail).toContain(`Message-ID: <${message.id}@longhaul>`);
    expect(mail).toContain('More than 50 wait.');
    expect(mail).toContain('About     queue_depth:reader');
  });

  it('is sent with a login, and a wrong login is reported without the server’s text', async () => {
    const port = await listen();
    await create(port, { user: 'longhaul', password: 'hunter2' }).send(message, never);
    expect(mails).toMatchObject([{ user: 'longhaul' }]);
    const wrong = create(port, { user: 'longhaul', password: 'hunter1' }).send(message, never);
    await expect(wrong).rejects.toThrow(/^SMTP: EAUTH 535 at AUTH PLAIN$/);
  });

  it('that the server refuses is not sent', async () => {
    const port = await listen({ onRcptTo: (_address, _session, done) => done(new Error('unknown')) });
    await expect(create(port).send(message, never)).rejects.toThrow(/^SMTP: EENVELOPE 550 at RCPT TO$/);
  });

  it('gives up on a silent server when its signal aborts', async () => {
    await listen();
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const leaving = new AbortController();
    const accepted = once(silent, 'connection') as Promise<[Socket]>;
    const sending = create((silent.address() as AddressInfo).port).send(message, leaving.signal);
    const [socket] = await accepted;
    leaving.abort();
    await expect(sending).rejects.toThrow('SMTP:');
    socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });
});
