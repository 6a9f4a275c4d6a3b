// The page: connects over what the button says, runs the exchange, and shows the frames as they go.

import * as http2 from "@sluice/core/http2";
import { messagePortIo, webSocketIo } from "@sluice/util/web";
import { exchange } from "./exchange.mjs";
import { frameLog } from "./frame-log.mjs";
import { frameTable } from "./frame-table.mjs";

const transports = {
  websocket: () => {
    const socket = new WebSocket(new URL("/http2", location.href.replace(/^http/, "ws")));
    return { io: webSocketIo(socket), close: () => {} };
  },
  worker: () => {
    const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
    const { port1, port2 } = new MessageChannel();
    worker.postMessage(port2, [port2]);
    return { io: messagePortIo(port1), close: () => worker.terminate() };
  },
};

const buttons = [...document.querySelectorAll("button[data-transport]")];
const status = document.querySelector("#status");
const responses = document.querySelector("#responses");
const table = frameTable(document.querySelector("#frames tbody"));
/** How long the page waits between two parts, for people to see what happens. */
const pauseMs = Number(new URL(location.href).searchParams.get("pause") ?? 400);

for (const button of buttons) button.addEventListener("click", () => run(button));
status.textContent = "Not connected.";

async function run(button) {
  for (const one of buttons) {
    one.disabled = true;
    one.classList.toggle("chosen", one === button);
  }
  table.clear();
  responses.replaceChildren();
  status.textContent = "Connecting …";
  const { io, close } = transports[button.dataset.transport]();
  try {
    const log = frameLog(table.show);
    const { sender, connection } = await http2.handshake(io, { observer: log });
    // Both sides have said what they want when this is answered.
    await connection.ping();
    status.textContent = `Connected over a ${button.dataset.name}.`;
    await exchange({ sender, log, show, pause: () => new Promise((resolve) => setTimeout(resolve, pauseMs)) });
    connection.gracefulShutdown();
    await connection.closed;
    status.textContent = `Done: ${document.querySelectorAll("#frames tbody tr").length} frames over a ${button.dataset.name}.`;
  } catch (error) {
    status.textContent = `Failed: ${error.message}`;
  } finally {
    close();
    for (const one of buttons) one.disabled = false;
  }
}

/** Shows what a response has brought so far. */
function show(path, text, state) {
  let card = responses.querySelector(`[data-path="${path}"]`);
  if (card === null) {
    card = document.querySelector("#response").content.firstElementChild.cloneNode(true);
    card.dataset.path = path;
    card.querySelector(".path").textContent = path;
    responses.append(card);
  }
  card.querySelector(".state").textContent = state;
  card.dataset.state = state;
  card.querySelector(".text").textContent = text;
}
