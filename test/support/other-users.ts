import { spawnSync } from 'node:child_process';

/** Any uid that no user has. */
export const ORDINARY_UID = 61_234;

/** False for root's checkout in a private directory: no other user can run anything in it. */
export const canOtherUsersRead =
  process.getuid?.() !== 0 ||
  spawnSync(process.execPath, ['-e', ''], { uid: ORDINARY_UID, gid: ORDINARY_UID, stdio: 'ignore' }).status === 0;
