import type { Place } from '../frame.ts'

/** What the address of the page names behind `#`: `node=…&message=…`. */
export function placeOf(hash: string): Place {
  const named = new URLSearchParams(hash.replace(/^#/, ''))
  const node = named.get('node')
  const message = named.get('message')
  return {
    ...(node !== null && node !== '' && { node }),
    ...(message !== null && message !== '' && { message })
  }
}

/** Puts what is chosen into the address, so that it can be sent to somebody. */
export function showPlace(place: Place): void {
  const hash = `#${new URLSearchParams({ ...place }).toString()}`
  if (hash !== location.hash && hash !== '#') history.replaceState(null, '', hash)
}
