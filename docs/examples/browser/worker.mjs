// The server in a Worker: each message brings a port, and each port is a connection.

import * as http2 from "@sluice/core/http2";
import { messagePortIo } from "@sluice/util/web";
import { options, service } from "./service.mjs";

addEventListener("message", ({ data: port }) => {
  http2.serve(messagePortIo(port), service, options);
});
