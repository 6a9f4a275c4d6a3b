/**
 * The shapes of marks. The side says the direction: what is sent lies above the lane's line and points up, what is received
 * below it and points down, events that only we know of lie on it. Bars are content, by size; triangles are other frames.
 */
import { RECEIVED, SENT } from "../src/trace/model.ts";

const barKinds = new Set(["DATA", "read", "write"]);
const headKinds = new Set(["HEADERS", "PUSH_PROMISE", "request", "response", "interim"]);
const loudKinds = new Set(["RST_STREAM", "GOAWAY"]);

const diamond = 4;

export interface Glyph {
  readonly kind: string;
  readonly direction: number;
  readonly octets: number;
}

/** Draws one on the line at `y`, with `reach` above and below it. */
export function drawGlyph(to: CanvasRenderingContext2D, glyph: Glyph, x: number, y: number, reach: number): void {
  const { kind, direction, octets } = glyph;
  if (direction !== RECEIVED && direction !== SENT) {
    drawDiamond(to, x, y, diamond);
    return;
  }
  const up = direction === SENT ? -1 : 1;
  if (barKinds.has(kind)) {
    // From 1 octet to 16 KiB, by powers of two.
    const height = 2 + (reach - 3) * Math.min(1, Math.log2(octets + 1) / 14);
    to.fillRect(x - 1.25, up < 0 ? y - 1 - height : y + 1, 2.5, height);
    return;
  }
  const size = loudKinds.has(kind) || headKinds.has(kind) ? 1 : 0.72;
  const height = (reach - 1) * size;
  const half = 4.2 * size;
  to.beginPath();
  if (headKinds.has(kind)) {
    // A flag: stem and head, so that messages stand out among frames.
    to.moveTo(x, y + up * (reach - 1));
    to.lineTo(x + half, y + up * (reach - 1 - half * 1.6));
    to.lineTo(x + 1, y + up * (reach - 1 - half * 1.6));
    to.lineTo(x + 1, y + up);
    to.lineTo(x - 1, y + up);
    to.lineTo(x - 1, y + up * (reach - 1 - half * 1.6));
    to.lineTo(x - half, y + up * (reach - 1 - half * 1.6));
  } else {
    to.moveTo(x, y + up * height);
    to.lineTo(x + half, y + up * 1.5);
    to.lineTo(x - half, y + up * 1.5);
  }
  to.closePath();
  to.fill();
}

function drawDiamond(to: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  to.beginPath();
  to.moveTo(x, y - size);
  to.lineTo(x + size, y);
  to.lineTo(x, y + size);
  to.lineTo(x - size, y);
  to.closePath();
  to.fill();
}
