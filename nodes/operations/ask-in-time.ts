/**
 * Asks the same of several, side by side. Who has not answered in time, or fails, has no answer.
 *
 * @param ask its signal is aborted when nobody waits any longer
 * @param gone nobody waits for any of them
 */
export async function askInTime<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item, signal: AbortSignal) => Promise<Answer>,
  ms: number,
  gone: AbortSignal
): Promise<(Answer | undefined)[]> {
  const over = new AbortController()
  const timer = setTimeout(() => {
    over.abort()
  }, ms)
  const signal = AbortSignal.any([over.signal, gone])
  const end = new Promise<undefined>((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve(undefined)
      },
      { once: true }
    )
  })
  try {
    return await Promise.all(
      items.map(async (item) => {
        try {
          // First: what somebody answers who was told to end is not all that there is.
          return await Promise.race([end, ask(item, signal)])
        } catch {
          return undefined
        }
      })
    )
  } finally {
    clearTimeout(timer)
  }
}
