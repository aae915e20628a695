#!/usr/bin/env bash
# `process.send(message, handle)` to a Node process without a free file descriptor: the message disappears with the handle.
#
# Expected: the message arrives without its handle, or the sender's callback gets an error, as it does for a closed channel.
# Seen with Node 24.21.0: the receiver asks for the handle three more times and then hears nothing. The sender's callback reports
# success four times, and only a process warning of the sender (SentHandleNotReceivedWarning) tells of it. Later messages arrive.
# So Longhaul's spawner sends the pid of a child behind its pipes, and a worker that counts too few pipes ends the child.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund node@24.21.0 >&2
cat >receiver.mjs <<'JS'
import { openSync } from 'node:fs';
process.on('message', ({ text }, handle) => {
  console.log(`received: ${text}, ${handle === undefined ? 'no handle' : 'a handle'}`);
  if (text === 'the end') process.exit();
});
process.send('ready');
process.once('message', () => {
  try {
    for (;;) openSync('/dev/null');
  } catch (error) {
    process.send(error.code);
  }
});
JS
cat >sender.mjs <<'JS'
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
process.on('warning', ({ name }) => console.log(`warned: ${name}`));
const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
await once(server, 'listening');
const newSocket = async () => {
  connect(server.address().port, '127.0.0.1').on('error', () => {});
  return (await once(server, 'connection'))[0];
};
const child = fork('receiver.mjs');
await once(child, 'message');
const report = (text) => (error) => console.log(`sent: ${text}, ${error ?? 'no error'}`);
const send = (text, handle) => child.send({ text }, handle, report(text));
send('with room for its handle', await newSocket());
console.log((await once(child, 'message'))[0]);
send('without room for its handle', await newSocket());
send('the end');
await once(child, 'exit');
process.exit();
JS
(
  ulimit -n 256
  node_modules/.bin/node sender.mjs
) | tee seen
sort seen >sorted
sort <<'EXPECTED' | diff sorted -
sent: with room for its handle, no error
received: with room for its handle, a handle
EMFILE
sent: without room for its handle, no error
sent: without room for its handle, no error
sent: without room for its handle, no error
sent: without room for its handle, no error
warned: SentHandleNotReceivedWarning
sent: the end, no error
received: the end, no handle
EXPECTED
echo 'as described'
