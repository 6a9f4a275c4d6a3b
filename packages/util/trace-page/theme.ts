/** Colours, as the style sheet has them: they change with the reader's choice of light or dark. */

/** Kinds that have a colour of their own; the others share one. */
const families: Readonly<Record<string, string>> = {
  HEADERS: "headers",
  CONTINUATION: "headers",
  request: "headers",
  response: "response",
  interim: "response",
  DATA: "data",
  read: "data",
  write: "data",
  PUSH_PROMISE: "push",
  SETTINGS: "settings",
  WINDOW_UPDATE: "window",
  PING: "ping",
  ping: "ping",
  PRIORITY: "priority",
  PRIORITY_UPDATE: "priority",
  RST_STREAM: "reset",
  GOAWAY: "goaway",
  stall: "stall",
  defence: "defence",
};

export const familyOf = (kind: string): string => families[kind] ?? "other";

export class Theme {
  readonly #cache = new Map<string, string>();

  /** Forgets what it knew, for the colours have changed. */
  refresh(): void {
    this.#cache.clear();
  }

  /** The colour `--name`. */
  of(name: string): string {
    let colour = this.#cache.get(name);
    if (colour === undefined) {
      colour = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
      this.#cache.set(name, colour);
    }
    return colour;
  }

  /** The colour of a kind of marks. */
  kind(kind: string): string {
    return this.of(`k-${familyOf(kind)}`);
  }
}
