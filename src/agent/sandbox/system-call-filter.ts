import { Writable } from 'node:stream';

/**
 * The filter of system calls in each sandbox: a program for the kernel, which `bwrap --seccomp` loads.
 *
 * It closes what namespaces leave open. Sockets of other families than `FAMILIES` may lead past the sandbox's network, as those
 * between a virtual machine and its host do. Of the denied calls, some make such sockets or have been ways into the kernel, and
 * the others read keys that the worker's session has; Docker's default profile denies all of these.
 */
interface Architecture {
  /** `AUDIT_ARCH_*` in linux/audit.h. */
  readonly audit: number;
  readonly socket: number;
  /** `add_key`, `request_key`, `keyctl`, `perf_event_open`, `bpf`, `userfaultfd`, `io_uring_setup`. */
  readonly denied: readonly number[];
  /** The first number of another way to call the kernel, which this filter knows nothing of; null if there is none. */
  readonly otherFrom: number | null;
}

/** By Node's names. */
const ARCHITECTURES: Readonly<Partial<Record<NodeJS.Architecture, Architecture>>> = {
  x64: {
    audit: 0xc000_003e,
    socket: 41,
    denied: [248, 249, 250, 298, 321, 323, 425],
    otherFrom: 0x4000_0000,
  },
  arm64: {
    audit: 0xc000_00b7,
    socket: 198,
    denied: [217, 218, 219, 241, 280, 282, 425],
    otherFrom: null,
  },
};

/** `AF_UNIX`, `AF_INET`, `AF_INET6`, `AF_NETLINK`. */
const FAMILIES = [1, 2, 10, 16];

/** Positions in `struct seccomp_data`: the call, the architecture, the low half of the first argument. */
const CALL = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

const ALLOW = 0x7fff_0000;
const fail = (errno: number) => 0x0005_0000 | errno;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

type Instruction = readonly [code: number, jumpIfTrue: number, jumpIfFalse: number, value: number];

const load = (position: number): Instruction => [0x20, 0, 0, position];
const end = (result: number): Instruction => [0x06, 0, 0, result];
/** Ends with a result if the loaded value is, or is not, the given one. */
const endIf = (value: number, result: number): Instruction[] => [[0x15, 0, 1, value], end(result)];
const endUnless = (value: number, result: number): Instruction[] => [[0x15, 1, 0, value], end(result)];
const endFrom = (value: number, result: number): Instruction[] => [[0x35, 0, 1, value], end(result)];

function toInstructions({ audit, socket, denied, otherFrom }: Architecture): Instruction[] {
  return [
    load(ARCHITECTURE),
    ...endUnless(audit, fail(ENOSYS)),
    load(CALL),
    ...(otherFrom === null ? [] : endFrom(otherFrom, fail(ENOSYS))),
    ...denied.flatMap((call) => endIf(call, fail(EPERM))),
    ...endUnless(socket, ALLOW),
    load(FIRST_ARGUMENT),
    ...FAMILIES.flatMap((family) => endIf(family, ALLOW)),
    end(fail(EAFNOSUPPORT)),
  ];
}

/** `struct sock_filter` of each instruction; both architectures are little-endian. */
function toBytes(instructions: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, jumpIfTrue, jumpIfFalse, value]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpIfTrue, index * 8 + 2);
    bytes.writeUInt8(jumpIfFalse, index * 8 + 3);
    bytes.writeUInt32LE(value, index * 8 + 4);
  }
  return bytes;
}

const architecture = ARCHITECTURES[process.arch];
const filter = architecture === undefined ? null : toBytes(toInstructions(architecture));

/** The file descriptor from which `bwrap` reads the filter. */
const FILTER_FD = 3;

/** The argument of `bwrap` that loads the filter; none on an architecture without one. */
export const FILTER_ARGS: readonly string[] = filter === null ? [] : ['--seccomp', String(FILTER_FD)];

/** The standard streams of a process that starts a sandbox, and one for the filter. */
export function withFilterPipe<T extends readonly ('pipe' | 'ignore')[]>(...streams: T): [...T, 'pipe'] {
  return [...streams, 'pipe'];
}

/** Number of streams of such a process. */
export const STREAMS_WITH_FILTER = FILTER_FD + 1;

/** Sends the filter to a process that has a stream for it. */
export function sendFilter({ stdio }: { readonly stdio?: readonly unknown[] }): void {
  // Without a free file descriptor there are no pipes.
  const pipe = stdio?.[FILTER_FD];
  if (!(pipe instanceof Writable)) return;
  // A process that could not be started reads nothing.
  pipe.on('error', () => undefined);
  pipe.end(filter ?? Buffer.alloc(0));
}
