/** How fast something grows, smoothed, and when it will be done. Pure: the clock comes in as an argument. */

/** After this many milliseconds a change of speed counts for half. */
export const RATE_HALF_LIFE_MS = 4_000;

export interface Rate {
  readonly perSecond: number;
  /** Share of the average that real observations make up, 0 to 1; the rest is the unknown time before the first one. */
  readonly weight: number;
  readonly total: number;
  readonly atMs: number;
}

export function startRate(atMs: number, total = 0): Rate {
  return { perSecond: 0, weight: 0, total, atMs };
}

/**
 * The rate after `total` was seen at `atMs`. A clock that stands still or runs backwards changes nothing yet; a total that
 * shrinks (a file starts again) counts as no growth rather than as negative speed.
 */
export function observe(rate: Rate, atMs: number, total: number): Rate {
  const elapsedMs = atMs - rate.atMs;
  if (elapsedMs <= 0) {
    return rate;
  }
  const kept = 0.5 ** (elapsedMs / RATE_HALF_LIFE_MS);
  const growth = Math.max(0, total - rate.total);
  const observed = growth / (elapsedMs / 1000);
  const weight = rate.weight * kept + (1 - kept);
  const perSecond = (rate.perSecond * rate.weight * kept + observed * (1 - kept)) / weight;
  return { perSecond, weight, total, atMs };
}

/** Milliseconds until `remaining` is done at this rate; undefined while nothing moves. */
export function etaMs(rate: Rate, remaining: number): number | undefined {
  if (remaining <= 0) {
    return 0;
  }
  return rate.perSecond > 0 ? (remaining / rate.perSecond) * 1000 : undefined;
}
