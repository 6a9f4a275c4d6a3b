/**
 * The channels that servers and clients have alike. They are looked up once for each observer, and held by it.
 *
 * Each method asks by itself whether anybody listens, so that a silent channel makes no object and no call.
 */
import { channel } from "node:diagnostics_channel";
import type { HeaderMap } from "@sluice/body";
import type { FrameFacts, HttpError, HttpRequest, HttpResponse, Observer, StallCause } from "@sluice/core";
import { flagOption, knownOptions } from "../options.ts";

/** Messages by what follows `sluice:http:server:` or `sluice:http:client:` in the name of their channel. */
export interface ConnectionMessages {
  readonly "request:start": { readonly request: HttpRequest };
  readonly "request:informational": {
    readonly request: HttpRequest;
    readonly status: number;
    readonly headers: HeaderMap;
  };
  readonly "response:start": { readonly request: HttpRequest; readonly response: HttpResponse };
  readonly "request:end": { readonly request: HttpRequest; readonly error: HttpError | undefined };
  readonly "connection:end": { readonly error: HttpError | undefined };
  readonly "h2:stream": { readonly streamId: number; readonly from: string; readonly to: string };
  readonly "h2:stalled": { readonly streamId: number; readonly by: StallCause };
  readonly "h2:defence": { readonly name: string; readonly count: number };
  readonly "h2:ping": { readonly rttMs: number };
  readonly "h2:frame:received": { readonly frame: FrameFacts };
  readonly "h2:frame:sent": { readonly frame: FrameFacts };
}

/** What is published, and under which names. */
export interface DiagnosticsOptions {
  /**
   * Publish each HTTP/2 frame. A connection then reads every frame once more for its facts, whether anybody listens or not.
   * Default false.
   */
  readonly frames?: boolean | undefined;
}

/** A channel whose messages are of one shape. */
export interface TypedChannel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

type ChannelByName<Messages> = <Name extends keyof Messages & string>(name: Name) => TypedChannel<Messages[Name]>;

/** The channels of one side, by the names of `Messages`. */
export function channelsOf<Messages>(side: "server" | "client"): ChannelByName<Messages> {
  return (name) => channel(`sluice:http:${side}:${name}`);
}

/** @throws TypeError for options that make no sense. */
export function connectionObserver(face: string, side: "server" | "client", options: DiagnosticsOptions): Observer {
  knownOptions(face, options, ["frames"]);
  const frames = flagOption(face, "frames", options.frames, false);
  return { ...exchangeObserver(side), ...http2Observer(side), ...(frames && frameObserver(side)) };
}

function exchangeObserver(side: "server" | "client"): Observer {
  const named = channelsOf<ConnectionMessages>(side);
  const requestStart = named("request:start");
  const informational = named("request:informational");
  const responseStart = named("response:start");
  const requestEnd = named("request:end");
  const connectionEnd = named("connection:end");
  return {
    requestStarted(request) {
      if (requestStart.hasSubscribers) requestStart.publish({ request });
    },
    informational(request, status, headers) {
      if (informational.hasSubscribers) informational.publish({ request, status, headers });
    },
    responseStarted(request, response) {
      if (responseStart.hasSubscribers) responseStart.publish({ request, response });
    },
    exchangeEnded(request, error) {
      if (requestEnd.hasSubscribers) requestEnd.publish({ request, error });
    },
    connectionClosed(error) {
      if (connectionEnd.hasSubscribers) connectionEnd.publish({ error });
    },
  };
}

function http2Observer(side: "server" | "client"): Observer {
  const named = channelsOf<ConnectionMessages>(side);
  const stream = named("h2:stream");
  const stall = named("h2:stalled");
  const defence = named("h2:defence");
  const ping = named("h2:ping");
  return {
    streamChanged(streamId, from, to) {
      if (stream.hasSubscribers) stream.publish({ streamId, from, to });
    },
    stalled(streamId, by) {
      if (stall.hasSubscribers) stall.publish({ streamId, by });
    },
    defenceCounted(name, count) {
      if (defence.hasSubscribers) defence.publish({ name, count });
    },
    pingAnswered(rttMs) {
      if (ping.hasSubscribers) ping.publish({ rttMs });
    },
  };
}

function frameObserver(side: "server" | "client"): Observer {
  const named = channelsOf<ConnectionMessages>(side);
  const received = named("h2:frame:received");
  const sent = named("h2:frame:sent");
  return {
    frameReceived(frame) {
      if (received.hasSubscribers) received.publish({ frame });
    },
    frameSent(frame) {
      if (sent.hasSubscribers) sent.publish({ frame });
    },
  };
}
