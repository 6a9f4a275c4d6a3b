/** What every case of the suite comes to, on every runtime. */

/** Each case and its value, in the order in which they are run. */
export const expected: readonly (readonly [name: string, value: unknown])[] = [
  ["h1 GET", [200, "HTTP/1.1", "127.0.0.1", "GET /a"]],
  ["h1 HEAD", [200, "12", ""]],
  ["h1 POST, 1 MiB both ways", [1048576, true]],
  ["h1 chunked with trailers both ways", ["chunked onetwo 1!", "2"]],
  ["h1 103 before the answer", ["103 </a.css>; rel=preload", "final"]],
  ["h1 five requests on one connection", [1, "/1", "/2", "/3", "/4", "/5"]],
  [
    "h1 pipelined requests are answered in order",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n/1HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n/2HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n/3",
  ],
  ["h1 upgrade: bytes both ways, then each side ends on its own", [101, "<ping>", "ended", "bye", null, "ended"]],
  ["h1 the server sees that the client has gone", ["canceled CANCELED", "called", "gone", "canceled"]],
  ["h1 graceful shutdown ends after the exchange", ["close", "the last one", "closed", true, "closed"]],
  ["h1 a malformed head is answered 400", "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"],
  ["h1 length and chunked together", "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"],
  [
    "h1 too many fields are answered 431",
    "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
  ],
  [
    "h1 a target that is too long is answered 414",
    "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
  ],
  [
    "h1 content beyond the limit is answered 413",
    "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
  ],
  [
    "h1 a head that does not come is answered 408",
    "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
  ],
  ["h1 a response cut short is incomplete", [200, "incomplete", "incomplete"]],
  ["h1 who does not read stops who writes", [true, true]],
  ["h1 a server that does not read stops the client", ["POST", true, "canceled CANCELED"]],
  ["h1 nobody listens", "io"],
  ["h2 100 streams at a time", [true, 100, 0]],
  ["h2 1 MiB both ways", [1048576, true]],
  ["h2 1 MiB both ways through the smallest windows", [1048576, true]],
  ["h2 trailers both ways", ["onetwo 1", "2"]],
  ["h2 103 before the answer", ["103 </a.css>; rel=preload", "final"]],
  ["h2 pushes are off", "no pusher"],
  ["h2 cancelling one stream leaves the others", ["canceled CANCELED", "called", "reset 8", "/other"]],
  ["h2 the server sees that the client has gone", ["canceled", "called", "gone"]],
  ["h2 ping", true],
  ["h2 graceful shutdown ends after the exchanges", ["/1", "/last", "closed", true, "closed"]],
  ["h2 GOAWAY with a code ends what is under way", ["incomplete", 11]],
  ["h2 streams beyond the limit wait", true],
  ["h2 a field section beyond the limit is answered 431", 431],
  ["h2 DATA on stream 0 is a PROTOCOL_ERROR", ["SETTINGS 0", "SETTINGS 0", "GOAWAY 0 1"]],
  ["h2 a frame that is too long is a FRAME_SIZE_ERROR", ["SETTINGS 0", "SETTINGS 0", "GOAWAY 0 6"]],
  ["h2 HTTP/1.1 instead of the preface", ["SETTINGS 0", "GOAWAY 0 1"]],
  ["both versions on one port", ["HTTP/1.1", "HTTP/2"]],
  ["20 connections at a time", 20],
];

/** As above, on runtimes that listen with TLS. */
export const expectedOfTls: readonly (readonly [name: string, value: unknown])[] = [
  ["tls both sides know the protocol of ALPN", [true, "h2", "true h2"]],
  ["tls h2 1 MiB both ways", [1048576, true]],
  ["tls h1 1 MiB, and a clean end", [1048576, "closed"]],
  ["tls the end of one side leaves the other", ["ended", "bye", "hi"]],
  ["tls a server that is not trusted is refused", "io"],
];
