/**
 * What must hold inside of a connection whenever it rests, and between the two ends of one when nothing is under way
 * between them. Looked at from inside, because most of it would show on the wire much later or never.
 */
import type { Connection } from "@sluice/core";
import type { ConnectionFace } from "../../../src/h2/connection/connection-face.ts";
import type { Http2Machine } from "../../../src/h2/connection/machine.ts";
import * as states from "../../../src/h2/stream/state.ts";
import type { Stream } from "../../../src/h2/stream/stream.ts";
import { tableLines } from "./hpack.ts";

export function machineOf(connection: Connection): Http2Machine {
  return (connection as unknown as ConnectionFace).machine;
}

/**
 * What is not as it must be in a connection that rests.
 * @param byHand Its program gives credit back when it wants to.
 */
export function faults(machine: Http2Machine, byHand = false): string[] {
  const found: string[] = [];
  const require = (holds: boolean, what: string): void => void (holds || found.push(what));
  const equal = (what: string, is: number, shouldBe: number): void =>
    require(is === shouldBe, `${what} is ${is}, should be ${shouldBe}`);
  const { streams, inbound, outbound, closing, driver, reader, defences } = machine;
  const { store } = streams;
  const all = store.all();
  const open = all.filter(({ state }) => !states.isClosed(state));
  const active = open.filter(({ state }) => states.isActive(state));
  const local = active.filter(({ id }) => store.isLocal(id)).length;

  equal("the number of records", store.size, all.length);
  equal("the number of open streams", closing.openStreams, open.length);
  equal("the number of our active streams", store.activeLocal, local);
  equal("the number of the peer's active streams", store.activeRemote, active.length - local);
  require(machine.error?.code !== "INTERNAL", `it has failed by itself: ${String(machine.error?.cause)}`);
  require(machine.awaited >= 0, `${machine.awaited} promises are awaited`);

  const { window } = inbound;
  const held = all.reduce((sum, stream) => sum + (stream.receiveWindow?.held ?? 0), 0);
  // What is kept back by hand is held beyond the end of its stream.
  if (byHand) require(window.held >= held, `the connection holds ${window.held}, its streams ${held}`);
  else equal("what the connection holds", window.held, held);
  equal("the connection's window", window.window + window.held + window.unannounced, window.target);
  require(window.window >= 0, `the peer has sent ${-window.window} octets more than the window`);
  if (all.length === 0) equal("the charge for small parts", defences.data.charged, 0);
  if (machine.isOver) equal("the number of open streams behind the end", open.length, 0);

  const canWrite = !(machine.isOver || driver.blocked) && driver.output.length === 0 && outbound.window.available > 0;
  for (const stream of all) {
    const { id, state, queue, receiveWindow, outBytes, sendWindow } = stream;
    require(state !== states.IDLE, `stream ${id} is idle`);
    require(stream.active === states.isActive(state), `stream ${id} counts wrongly`);
    const waiting = queue?.length ?? 0;
    if (states.isClosed(state)) require(waiting > 0, `stream ${id} is closed and has a record for nothing`);
    // What is known of a frame that has not come to its end is charged whole.
    if (receiveWindow !== undefined && !(reader.withinFrame || byHand))
      equal(`what stream ${id} holds`, receiveWindow.held, waiting);
    equal(`what stream ${id} has to send`, outBytes, unsent(stream));
    require(!(canWrite && outBytes > 0 && sendWindow.available > 0), `stream ${id} could send and does not`);
  }
  return found;
}

/** What is not alike at the two ends of a connection that rests, with nothing under way on the transport. */
export function differences(client: Http2Machine, server: Http2Machine): string[] {
  const ends = [client, server];
  if (ends.some((end) => end.isOver || !end.isGreeted)) return [];
  // What an end has not looked at yet, or not sent, is under way as well.
  if (ends.some(({ wantsRead, driver }) => !wantsRead || driver.inputEnded || driver.output.length > 0)) return [];
  return [
    ...oneWay("client to server", client, server),
    ...oneWay("server to client", server, client),
    ...unlike("the open streams", openStreams(client), openStreams(server).map(mirrored)),
  ];
}

function oneWay(way: string, sender: Http2Machine, receiver: Http2Machine): string[] {
  const found: string[] = [];
  const granted = receiver.inbound.window.window;
  const { available } = sender.outbound.window;
  if (available !== granted) found.push(`${way}: window of ${available} octets, ${granted} were granted`);
  if (!receiver.settings.isPending) {
    for (const stream of receiver.streams.store.all()) {
      const other = sender.streams.store.get(stream.id);
      if (other === undefined || !states.canReceive(stream.state)) continue;
      const grantedHere = stream.receiveWindow?.window ?? receiver.inbound.initialWindowBytes;
      const has = other.sendWindow.available;
      if (has !== grantedHere) found.push(`${way}: stream ${stream.id} has ${has} octets, ${grantedHere} were granted`);
    }
  }
  const encoder = sender.encoder.table;
  const decoder = receiver.decoder.table;
  const written = tableLines(encoder);
  // A table that has become smaller is told with the next block; until then the decoder has more.
  const told = encoder.maxBytes === decoder.maxBytes;
  const read = tableLines(decoder).slice(0, told ? undefined : written.length);
  return [...found, ...unlike(`${way}: the tables`, written, read)];
}

function openStreams({ streams }: Http2Machine): [id: number, state: number][] {
  const open = streams.store.all().filter(({ state }) => !states.isClosed(state));
  return open.map(({ id, state }) => [id, state]);
}

const mirror: ReadonlyMap<number, number> = new Map([
  [states.HALF_CLOSED_LOCAL, states.HALF_CLOSED_REMOTE],
  [states.HALF_CLOSED_REMOTE, states.HALF_CLOSED_LOCAL],
  [states.RESERVED_LOCAL, states.RESERVED_REMOTE],
  [states.RESERVED_REMOTE, states.RESERVED_LOCAL],
]);

/** How the other end sees it. */
function mirrored([id, state]: [id: number, state: number]): [id: number, state: number] {
  return [id, mirror.get(state) ?? state];
}

function unlike(what: string, one: unknown, other: unknown): string[] {
  const [a, b] = [JSON.stringify(one), JSON.stringify(other)];
  return a === b ? [] : [`${what} differ: ${a} and ${b}`];
}

function unsent({ out, outFirst, outOffset }: Stream): number {
  const bytes = out?.slice(outFirst).reduce((sum, chunk) => sum + chunk.length, 0) ?? 0;
  return bytes - outOffset;
}
