/** A body that asks the one inside no further than it has to: the guard around bodies of unknown making. */

import { Adapter } from "./adapter.ts";
import type { Body } from "./body.ts";
import type { Frame } from "./frame.ts";

class Fuse extends Adapter {
  protected override pull(): Frame | null | Promise<Frame | null> {
    return this.inner.isEndStream() ? null : super.pull();
  }
}

/** `body`, which is not asked again once it gave `null` or an error, or said that it is at its end. */
export function fuse(body: Body): Body {
  return new Fuse(body);
}
