/**
 * Field blocks in fragments (RFC 9113 sections 4.3, 6.10): HEADERS and its CONTINUATION frames with nothing in between, of
 * any size and cut anywhere, and not endlessly many of them.
 */
import { HttpRequest, HttpResponse, type HttpRequest as Request } from "@sluice/core";
import type { FrameFacts } from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { encodeLines } from "./support/hpack.ts";
import { get, getText, literalBlock, post, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import type { Peer } from "./support/peer.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";
