/**
 * The reason phrase of a status line (RFC 9112 section 4), where it is not the registered one.
 *
 * A client finds it on responses whose phrase differs from the registered one; a server writes it in place of that one.
 * HTTP/2 has no reason phrases.
 */
import { all, FIELD_VALUE } from "../bytes/ascii.ts";
import { quote } from "../error.ts";
import { type ExtensionKey, extensionKey } from "./extensions.ts";

/** HTAB, SP, visible ASCII and obs-text, one char per byte. Set it through `reasonPhrase` so that it is checked. */
export const reasonPhraseKey: ExtensionKey<string> = extensionKey("reason phrase");

/**
 * Returns `phrase` if it can stand in a status line; the empty string can.
 * @throws TypeError for CR, LF, NUL, other control characters, and chars above 255.
 */
export function checkReasonPhrase(phrase: string): string {
  if (all(phrase, 0, phrase.length, FIELD_VALUE)) return phrase;
  throw new TypeError(`reason phrase may hold only HTAB, SP, VCHAR and obs-text (RFC 9112 4), got ${quote(phrase)}`);
}
