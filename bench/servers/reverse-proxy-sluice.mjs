// The reverse proxy of docs/examples in front of one upstream: `--port N --upstream PORT`.

import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { reverseProxy } from "../../docs/examples/reverse-proxy/proxy.mjs";
import { configuration, started } from "./start.mjs";

const { port, upstream } = configuration({ upstream: { type: "string" } });
const proxy = reverseProxy({ routes: [{ upstream: { url: `http://127.0.0.1:${upstream}` } }] });
const listener = listen({ host: "127.0.0.1", port });
serveAll(listener, proxy.serve);
started((await listener.ready).port);
