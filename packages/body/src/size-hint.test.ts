import { describe, expect, test } from "vitest";
import { BaseBody, SizeHint } from "./index.ts";

class Bare extends BaseBody {
  frame(): null {
    return null;
  }
  cancel(): void {}
}

class Ended extends Bare {
  override isEndStream(): boolean {
    return true;
  }
}

describe("size hints", () => {
  test("[hyper-242] isEndStream is false unless a body says otherwise, and the size hint unknown", () => {
    expect(new Bare().isEndStream()).toBe(false);
    expect(new Ended().isEndStream()).toBe(true);
    expect(new Bare().sizeHint()).toBe(SizeHint.unknown);
    expect(SizeHint.unknown).toMatchObject({ lower: 0, upper: undefined });
    expect(SizeHint.unknown.exact).toBeUndefined();
  });

  test("[hyper-242] hints add up bound by bound, an unknown upper bound stays unknown", () => {
    const bounded = new SizeHint(3, 10);
    expect(bounded.add(new SizeHint(2, 5))).toEqual(new SizeHint(5, 15));
    expect(bounded.add(new SizeHint(2))).toEqual(new SizeHint(5));
    expect(new SizeHint(2).add(bounded)).toEqual(new SizeHint(5));
    expect(new SizeHint(2).add(new SizeHint(4))).toEqual(new SizeHint(6));
    expect(SizeHint.exact(2).add(SizeHint.exact(4)).exact).toBe(6);
  });

  test("exact is there only when the bounds agree", () => {
    expect(SizeHint.exact(7).exact).toBe(7);
    expect(new SizeHint(0, 7).exact).toBeUndefined();
    expect(new SizeHint(7).exact).toBeUndefined();
    expect(SizeHint.exact(0)).toBe(SizeHint.zero);
    expect(SizeHint.zero.exact).toBe(0);
  });

  test("capped lets neither bound above the cap", () => {
    expect(new SizeHint(3, 10).capped(5)).toEqual(new SizeHint(3, 5));
    expect(new SizeHint(8, 10).capped(5)).toEqual(SizeHint.exact(5));
    expect(new SizeHint(3).capped(5)).toEqual(new SizeHint(3, 5));
    const within = new SizeHint(3, 5);
    expect(within.capped(5)).toBe(within);
    expect(() => within.capped(-1)).toThrow(RangeError);
  });

  test("lengths up to 2^53-1 are taken, larger and other numbers refused, never rounded", () => {
    expect(SizeHint.exact(2 ** 53 - 1).exact).toBe(9_007_199_254_740_991);
    for (const wrong of [2 ** 53, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new SizeHint(wrong)).toThrow(RangeError);
      expect(() => new SizeHint(0, wrong)).toThrow(RangeError);
      expect(() => SizeHint.exact(wrong)).toThrow(
        /must be an integer from 0 to 9007199254740991 \(2\^53-1\); received/,
      );
    }
    expect(() => new SizeHint("5" as never)).toThrow('received the string "5"');
    expect(() => SizeHint.exact(2 ** 53 - 1).add(SizeHint.exact(1))).toThrow(RangeError);
    expect(() => new SizeHint(0, 2 ** 53 - 1).add(SizeHint.exact(1))).toThrow(RangeError);
  });

  test("a lower bound above the upper is refused", () => {
    expect(() => new SizeHint(2, 1)).toThrow("received 2 and 1");
    expect(new SizeHint(1, 1).exact).toBe(1);
  });

  test("prints its bounds", () => {
    expect(String(SizeHint.exact(5))).toBe("5 bytes");
    expect(String(new SizeHint(5, 9))).toBe("5 to 9 bytes");
    expect(String(SizeHint.unknown)).toBe("0 to any number of bytes");
  });
});
