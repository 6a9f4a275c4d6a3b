// Counts of durations in microseconds, each within 1/64 of its value: enough for percentiles, and small however many come.

const stepsPerDoubling = 64;

export class Histogram {
  #counts = new Float64Array(stepsPerDoubling * 32);
  #total = 0;

  add(micros) {
    this.#counts[bucketOf(micros)]++;
    this.#total++;
  }

  clear() {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** The median and the 99th and 99.9th percentile, in microseconds; not numbers if nothing came. */
  percentiles() {
    return { p50: this.#at(0.5), p99: this.#at(0.99), p999: this.#at(0.999) };
  }

  #at(share) {
    let left = this.#total * share;
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0 && count > 0) return microsOf(bucket);
    }
    return Number.NaN;
  }
}

function bucketOf(micros) {
  if (micros < 1) return 0;
  return Math.min(stepsPerDoubling * 32 - 1, Math.floor(Math.log2(micros) * stepsPerDoubling));
}

function microsOf(bucket) {
  return Math.round(2 ** ((bucket + 0.5) / stepsPerDoubling) * 10) / 10;
}
