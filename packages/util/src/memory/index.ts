/**
 * Transports and a clock in memory: for in-process HTTP, and public helpers for testing anything built on an `Io`.
 */
export { type AdversarialPair, type AdversarialPairOptions, adversarialPair } from "./adversarial-pair.ts";
export { type FakeTimer, fakeTimer } from "./fake-timer.ts";
export { type MemoryIo, type MemoryPairOptions, memoryPair } from "./memory-pair.ts";
export { block, type ScriptedIo, type ScriptedIoOptions, type ScriptStep, scriptedIo } from "./scripted-io.ts";
export type { Tear } from "./tear.ts";
export { delayedTurns, type ManualTurns, manualTurns, microtaskTurns, syncTurns, type Turns } from "./turns.ts";
