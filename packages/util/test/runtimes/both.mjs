/** Both versions on one port, and many connections beside each other. */

import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { auto } from "@sluice/util/server";
import { answer, get, service, text } from "./kit.mjs";

export const bothCases = {
  "both versions on one port": (kit) =>
    kit.serving(
      (io) =>
        void auto.serve(
          io,
          service((request) => answer(request.version)),
        ),
      async (port) => {
        const versions = [];
        for (const { handshake } of [http1, http2]) {
          const { sender, connection } = await handshake(await kit.connect(port));
          versions.push(await text(await sender.send(get("/"))));
          connection.abort();
        }
        return versions;
      },
    ),

  "20 connections at a time": (kit) =>
    kit.serving(
      (io) =>
        void http1.serve(
          io,
          service((request) => answer(request.target.path)),
        ),
      async (port) => {
        const one = async (_, i) => {
          const { sender, connection } = await http1.handshake(await kit.connect(port));
          const body = await text(await sender.send(get(`/${i}`)));
          connection.abort();
          return body === `/${i}`;
        };
        const right = await Promise.all(Array.from({ length: 20 }, one));
        return right.filter(Boolean).length;
      },
    ),
};
