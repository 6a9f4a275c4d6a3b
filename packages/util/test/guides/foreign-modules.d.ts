/** What pages import and only other runtimes have. */
declare module "cloudflare:sockets" {
  export const connect: import("@sluice/util/workers").SocketsConnect;
}
