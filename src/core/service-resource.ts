/**
 * Describes this process to collectors of OpenTelemetry. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` take precedence.
 * Loads a part of OpenTelemetry: call it only when something is exported.
 */
export async function describeService({ instanceId, version }: { instanceId: string; version: string }) {
  const { detectResources, envDetector, resourceFromAttributes } = await import('@opentelemetry/resources');
  const own = resourceFromAttributes({
    'service.name': 'longhaul',
    'service.version': version,
    'service.instance.id': instanceId,
  });
  return own.merge(detectResources({ detectors: [envDetector] }));
}
