/**
 * Comes before a program of a guide: where it says a port, another that is free is used, so that pages can name the ports they
 * like. The program notices nothing: it is told the port that it named.
 *
 * The parent passes what is taken as `GUIDE_PORTS`, and is told of every listener.
 */
import { Server, Socket } from "node:net";

/** Port of the page -> port of this machine. */
const ports = new Map(Object.entries(JSON.parse(process.env.GUIDE_PORTS ?? "{}")).map(([said, used]) => [+said, used]));

const { listen, address } = Server.prototype;

/** What the program asked for, by its server. */
const asked = new WeakMap();

Server.prototype.listen = function (...args) {
  const options = args[0];
  if (typeof options !== "object" || options === null || !options.port) return listen.apply(this, args);
  asked.set(this, options.port);
  this.once("listening", () => {
    const { port } = address.call(this);
    ports.set(options.port, port);
    process.send?.({ said: options.port, used: port });
  });
  return listen.call(this, { ...options, port: 0 }, ...args.slice(1));
};

Server.prototype.address = function () {
  const bound = address.call(this);
  const port = asked.get(this);
  return port === undefined || bound === null ? bound : { ...bound, port };
};

const { connect } = Socket.prototype;

Socket.prototype.connect = function (...args) {
  // Node passes its own functions' arguments on as one list.
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (typeof options === "object" && options !== null && ports.has(Number(options.port))) {
    options.port = ports.get(Number(options.port));
  }
  return connect.apply(this, args);
};
