/**
 * Extended CONNECT (RFC 8441): a request that asks to speak another protocol on its stream.
 */
import { type ExtensionKey, extensionKey } from "../../message/extensions.ts";

/**
 * The protocol an extended CONNECT asks for, such as `websocket` (`:protocol`, RFC 8441 section 4). On a request with the
 * method CONNECT and an absolute-form target; any other is not sent.
 */
export const protocolKey: ExtensionKey<string> = extensionKey("protocol");
