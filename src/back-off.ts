/**
 * The wait before something is tried again: it doubles from the first one to the longest, give or take 20 %, so that many
 * that have failed together do not return in step. The longest is never exceeded.
 *
 * @param earlier how many waits there were before this one
 * @param random 0 to 1
 * @returns milliseconds
 */
export function backOffMs(
  { firstMs, maxMs }: { firstMs: number; maxMs: number },
  earlier: number,
  random: number
): number {
  // 2 ** 30 exceeds every sensible maximum; without a limit the product would become Infinity.
  const doubled = Math.min(firstMs * 2 ** Math.min(earlier, 30), maxMs)
  return Math.min(doubled * (0.8 + 0.4 * random), maxMs)
}
