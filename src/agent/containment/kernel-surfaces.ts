import { existsSync, lstatSync, readFileSync } from 'node:fs';

/**
 * The places where the kernel obeys the user id of root alone. A process of root without any capability could still
 * undo its namespace there: read a disk through its device, or name a program for the kernel to start.
 */
export interface KernelSurfaces {
  /** Directories and files of `/proc` to bind to themselves, read-only. */
  readonly readOnly: readonly string[];
  /** Mounts of the kernel's own file systems to make read-only. */
  readonly remounted: readonly string[];
  /** Devices that work. No other device does. */
  readonly devices: readonly string[];
  /** True when `/dev` is already a mount. */
  readonly hasDevMount: boolean;
  /** Pseudo-terminals: whether they exist, and whether `/dev/ptmx` is a separate device. */
  readonly terminals: { readonly exist: boolean; readonly hasOwnMaster: boolean };
}

const PROC_ENTRIES = ['sys', 'bus', 'fs', 'irq', 'acpi', 'scsi', 'mtrr', 'sysrq-trigger'];

/** File systems through which a process can change the kernel's settings. */
const KERNEL_FILE_SYSTEMS = new Set([
  'sysfs',
  'cgroup',
  'cgroup2',
  'debugfs',
  'tracefs',
  'configfs',
  'securityfs',
  'selinuxfs',
  'smackfs',
  'efivarfs',
  'pstore',
  'bpf',
  'binfmt_misc',
  'fusectl',
]);

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

/** Finds the surfaces of this machine. */
export function findKernelSurfaces(): KernelSurfaces {
  const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const remounted = mounts
    // The namespace has its own /proc. `/sys/fs/cgroup` may be a tmpfs with a mount for each controller.
    .filter(({ type, target }) => KERNEL_FILE_SYSTEMS.has(type) || (type === 'tmpfs' && target === '/sys/fs/cgroup'))
    .filter(({ target }) => !target.startsWith('/proc/') && existsSync(target))
    .map(({ target }) => target);
  return {
    readOnly: PROC_ENTRIES.map((entry) => `/proc/${entry}`).filter((place) => existsSync(place)),
    remounted: [...new Set(remounted)],
    devices: DEVICES.map((device) => `/dev/${device}`).filter(isDevice),
    hasDevMount: mounts.some(({ target }) => target === '/dev'),
    terminals: { exist: existsSync('/dev/pts'), hasOwnMaster: isDevice('/dev/ptmx') },
  };
}

/** Parses mountinfo, see proc(5). */
function parseMounts(mountinfo: string): { target: string; type: string }[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const target = before.split(' ')[4];
    const type = after.split(' ')[0];
    if (target === undefined || type === undefined) return [];
    return [
      {
        target: target.replaceAll(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))),
        type,
      },
    ];
  });
}

function isDevice(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false })?.isCharacterDevice() === true;
}
