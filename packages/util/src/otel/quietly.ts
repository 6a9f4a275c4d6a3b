/** Telemetry only looks on: whatever a tracer, a sampler or a hook of the program's throws does not reach the exchange. */
export function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
