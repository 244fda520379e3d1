import type { Place } from '../frame.ts'

const NAMES = [
  'node',
  'message',
  'list',
  'type',
  'rule',
  'error'
] as const satisfies (keyof Place)[]

/** What the address of the page names behind `#`: `node=…&message=…`. */
export function placeOf(hash: string): Place {
  const named = new URLSearchParams(hash.replace(/^#/, ''))
  return Object.fromEntries(
    NAMES.map((name) => [name, named.get(name)]).filter(([, value]) => value)
  ) as Place
}

/** Puts what is chosen into the address, so that it can be sent to somebody. */
export function showPlace(place: Place): void {
  const hash = `#${new URLSearchParams({ ...place }).toString()}`
  if (hash !== location.hash && hash !== '#') history.replaceState(null, '', hash)
}
