/** A source of numbers from 0 to 1 that are the same for a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What an environment variable says, if it says something. */
function numberOf(variable: string): number | undefined {
  const text = process.env[variable];
  return text === undefined ? undefined : Number(text);
}

/**
 * The seeds of a random test: as many as it usually takes, or `SERIATIM_SEEDS` if that is more; or `SERIATIM_SEED` alone,
 * to run one again.
 */
export function seeds(usually: number): number[] {
  const only = numberOf("SERIATIM_SEED");
  return only !== undefined
    ? [only]
    : Array.from({ length: Math.max(usually, numberOf("SERIATIM_SEEDS") ?? 0) }, (_, seed) => seed);
}
