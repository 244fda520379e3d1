/**
 * What the queue answers in parts, because it looks at a bounded number of rows at a time.
 *
 * @param ask for the part from there on: `next` of the one before, which is 0 if there is nothing more
 * @param signal ends it: nobody waits for it any longer
 */
export async function* pages<Page extends { next: number }>(
  ask: (from: number) => Promise<Page>,
  from = 0,
  signal?: AbortSignal
): AsyncGenerator<Page, void> {
  for (let at = from; signal?.aborted !== true;) {
    const page = await ask(at)
    yield page
    if (page.next === 0) return
    at = page.next
  }
}
