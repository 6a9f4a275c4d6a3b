// What went wrong in a run of the benchmarks, as lines of text. That a peer is not installed is nothing wrong.

/** Void runs, and peers of our own that are missing. */
export function failures({ measurements, leftOut }) {
  const lines = leftOut.map(({ name, why }) => `${name}: ${why}`).filter((line) => !isAbsence(line));
  for (const measurement of measurements) {
    const { name, peers = [], series = [] } = measurement;
    for (const peer of peers) if (peer.voidRounds > 0) lines.push(`${name}: ${peer.name}: ${peer.why}`);
    for (const one of series) if (one.voidRuns > 0) lines.push(`${name}: ${one.name}: ${one.why}`);
    for (const left of measurement.leftOut) {
      const line = `${name}: ${left.name}: ${left.why}`;
      if (!isAbsence(line)) lines.push(line);
    }
    if (peers.length + series.length === 0) lines.push(`${name}: nobody took part`);
  }
  return lines;
}

function isAbsence(line) {
  return /not installed|no time left|not built yet|there is no bench|does not speak|no TLS|serves files only|before it has read/.test(
    line,
  );
}
