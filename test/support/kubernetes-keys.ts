import * as models from '@kubernetes/client-node/dist/gen/models/ObjectSerializer.js';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

type Model = { getAttributeTypeMap(): readonly Attribute[] };

/**
 * Finds keys of a manifest that Kubernetes does not know, and values of the wrong type, by the types of the official client.
 * Kubernetes itself drops unknown keys.
 */
export function findManifestFaults(manifest: unknown): string[] {
  const { apiVersion = '', kind = '' } = manifest as { apiVersion?: string; kind?: string };
  const type = `V1${kind}`;
  if (!/^([\w.]+\/)?v1$/.test(apiVersion) || modelOf(type) === null) return [`${apiVersion} ${kind} is unknown`];
  return findFaults(manifest, type, kind);
}

function findFaults(value: unknown, type: string, at: string): string[] {
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item !== undefined) {
    if (!Array.isArray(value)) return [`${at} is no list`];
    return value.flatMap((one, index) => findFaults(one, item, `${at}.${index}`));
  }
  const entry = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  const model = modelOf(type);
  if (entry === undefined && model === null) {
    const isRight = type === 'IntOrString' ? /^(string|number)$/.test(typeof value) : typeof value === type;
    return isRight ? [] : [`${at} is ${JSON.stringify(value)} and must be ${type}`];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no object`];
  return Object.entries(value).flatMap(([key, child]) => {
    const childType = entry ?? model?.getAttributeTypeMap().find(({ baseName }) => baseName === key)?.type;
    return childType === undefined ? [`${at}.${key} is unknown`] : findFaults(child, childType, `${at}.${key}`);
  });
}

function modelOf(type: string): Model | null {
  const found = (models as unknown as Record<string, Partial<Model> | undefined>)[type];
  return found?.getAttributeTypeMap === undefined ? null : (found as Model);
}
