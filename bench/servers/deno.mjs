// Deno's own server, which speaks HTTP/1.1 and HTTP/2 on one port; to be run by Deno.

import { serviceOf } from "./fetch-services.mjs";
import { configuration, protocols, started } from "./start.mjs";

const { port, service } = configuration({}, protocols);
const onListen = (address) => started(address.port);
globalThis.Deno.serve({ port, hostname: "127.0.0.1", onListen }, serviceOf(service));
