import { expect, it } from 'vitest';
import { findDoors } from './doors.ts';

it('finds the sockets that the worker’s variables name, however they are written', () => {
  const env = {
    DOCKER_HOST: 'unix:///srv/docker.sock',
    BUILDKIT_HOST: 'unix:/srv/buildkit.sock',
    CONTAINERD_ADDRESS: '/srv/containerd.sock',
    CONTAINER_HOST: 'ssh://core@example.com/run/podman/podman.sock',
    SUPERVISOR_SERVER_URL: 'http://localhost:9001',
    SSH_AUTH_SOCK: '',
  };
  const named = findDoors(env, []).filter((place) => !findDoors({}, []).includes(place));
  expect(named).toEqual(['/srv/docker.sock', '/srv/containerd.sock', '/srv/buildkit.sock']);
  expect(findDoors({})).toEqual(expect.arrayContaining(['/run/k3s', '/var/run/docker.sock', '/run/libvirt']));
});
