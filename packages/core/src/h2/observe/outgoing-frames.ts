/**
 * Reads frames back from what is handed to the transport, for an observer: so it is told what is sent in the order in
 * which it is sent, whoever wrote it, and a connection that nobody observes does nothing for it.
 *
 * Frames may lie across chunks and calls. Only headers and the octets that facts are taken from are looked at.
 */
import { allocate } from "../../bytes/latin1.ts";
import type { Observer } from "../../observer.ts";
import { type Frame, frameHeaderBytes, newFrame, readFrameHeader } from "../frame/frame-header.ts";
import { detailBytes, frameFacts, maxDetailBytes } from "./frame-facts.ts";

export class OutgoingFrames {
  readonly #observer: Observer;
  readonly #frame: Frame = newFrame();
  readonly #header: Uint8Array = allocate(frameHeaderBytes);
  readonly #details: Uint8Array = allocate(maxDetailBytes);
  /** Octets in front of the first frame that have not been written yet. */
  #preface: number;
  /** Octets of the header that have been written; all of them while the frame's payload is. */
  #headerBytes = 0;
  /** Octets of the payload that have not been written yet. */
  #missing = 0;
  /** Octets of the payload that facts are taken from and that have not been written yet, if there are as many. */
  #missingDetails = 0;

  /**
   * @param observer Has `frameSent`, or there is no use in this.
   * @param skip Octets before the first frame: 24 on a client, the connection preface (RFC 9113 section 3.4).
   */
  constructor(observer: Observer, skip: number) {
    this.#observer = observer;
    this.#preface = skip;
  }

  /** These chunks were handed to the transport, behind those of the calls before. Tells of each frame they complete. */
  written(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#walk(chunk);
  }

  #walk(chunk: Uint8Array): void {
    let at = Math.min(this.#preface, chunk.length);
    this.#preface -= at;
    while (at < chunk.length) {
      at = this.#headerBytes < frameHeaderBytes ? this.#takeHeader(chunk, at) : this.#takePayload(chunk, at);
      if (this.#headerBytes === frameHeaderBytes && this.#missing === 0) this.#tell();
    }
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    const taken = Math.min(frameHeaderBytes - this.#headerBytes, chunk.length - at);
    this.#header.set(chunk.subarray(at, at + taken), this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes === frameHeaderBytes) {
      const frame = this.#frame;
      readFrameHeader(frame, this.#header, 0);
      frame.bytes = this.#details;
      frame.end = 0;
      this.#missing = frame.length;
      this.#missingDetails = detailBytes(frame.type);
    }
    return at + taken;
  }

  #takePayload(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#missing, chunk.length - at);
    const details = Math.min(this.#missingDetails, taken);
    if (details > 0) {
      this.#details.set(chunk.subarray(at, at + details), this.#frame.end);
      this.#frame.end += details;
      this.#missingDetails -= details;
    }
    this.#missing -= taken;
    return at + taken;
  }

  #tell(): void {
    this.#headerBytes = 0;
    this.#observer.frameSent?.(frameFacts(this.#frame));
  }
}
