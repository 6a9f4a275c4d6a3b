/** The body without frames. It has no state, so there is one for all. */

import { BaseBody } from "./body.ts";
import { SizeHint } from "./size-hint.ts";

/** A body that is at its end from the start. */
export class Empty extends BaseBody {
  frame(): null {
    return null;
  }

  override isEndStream(): true {
    return true;
  }

  override sizeHint(): SizeHint {
    return SizeHint.zero;
  }

  /** Does nothing: the end was there before. */
  cancel(): void {}
}

const instance: Empty = new Empty();

/** The body without frames. */
export function empty(): Empty {
  return instance;
}
