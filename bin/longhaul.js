#!/usr/bin/env node
// Plain JavaScript that an old Node can still read, so that it can say that it is too old.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    'longhaul: this is Node ' +
      process.versions.node +
      ', and Longhaul needs 22.18 or later. Install a current Node (https://nodejs.org) and run this again.',
  );
  process.exitCode = 1;
} else {
  await import('../dist/cli/main.js');
}
