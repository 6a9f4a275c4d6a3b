/** Programs written for Node's `http` module, served by Sluice. */
export {
  fromNodeListener,
  type NodeListener,
  type NodeListenerOptions,
  type NodeListenerService,
  type NodeUpgradeListener,
} from "./from-node-listener.ts";
export { createServer, type NodeListenOptions, type NodeServer, type NodeServerOptions } from "./node-server.ts";
