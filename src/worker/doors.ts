import path from 'node:path';

/** The directories in which services keep their sockets. The second is often, but not always, a link to the first. */
const RUNTIME_DIRS = ['/run', '/var/run'];

/**
 * Sockets, and directories with sockets, through which a process of the worker's user could start something outside
 * our namespaces; and directories in which orchestrators, engines and systemd put secrets for a service's own program.
 */
const DOORS = [
  // Containers.
  'docker.sock',
  'docker',
  'dockershim.sock',
  'cri-dockerd.sock',
  'containerd',
  'crio',
  'podman',
  'containers',
  'buildkit',
  'k3s',
  'k0s',
  'nri',
  'kata-containers',
  'vc',
  'lxc',
  'lxd',
  'incus',
  // Virtual machines.
  'libvirt',
  'qemu-server',
  // Services.
  'systemd/private',
  'systemd/io.systemd.Manager',
  'systemd/machine',
  'dbus/system_bus_socket',
  'snapd.socket',
  'snapd-snap.socket',
  'supervisor.sock',
  'supervisor',
  'udev/control',
  'user',
  // Secrets.
  'credentials',
  'secrets',
];

/** The same, of programs that keep them elsewhere. */
const DOORS_ELSEWHERE = [
  '/var/lib/lxd/unix.socket',
  '/var/lib/incus/unix.socket',
  '/var/snap/lxd/common/lxd/unix.socket',
  '/var/snap/microk8s/common/run',
  '/var/lib/kubelet',
];

/** Variables that name such a socket, by its path or as a `unix:` URL. */
const SOCKET_VARIABLES = [
  'DOCKER_HOST',
  'CONTAINER_HOST',
  'CONTAINERD_ADDRESS',
  'CONTAINER_RUNTIME_ENDPOINT',
  'BUILDKIT_HOST',
  'LXD_SOCKET',
  'INCUS_SOCKET',
  'SUPERVISOR_SERVER_URL',
  'SSH_AUTH_SOCK',
];

/**
 * Lists the places through which an agent could leave its containment, whether they exist or not.
 *
 * @param env The worker's environment.
 */
export function findDoors(
  env: Readonly<Record<string, string | undefined>>,
  runtimeDirs: readonly string[] = RUNTIME_DIRS,
): string[] {
  const named = SOCKET_VARIABLES.map((name) => (env[name] ?? '').replace(/^unix:(\/\/)?/, ''));
  return [
    ...runtimeDirs.flatMap((directory) => DOORS.map((door) => path.join(directory, door))),
    ...DOORS_ELSEWHERE,
    ...named.filter((place) => path.isAbsolute(place)),
  ];
}
