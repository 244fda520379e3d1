// Each sync takes one of the few threads that Node.js has for such work, with which it also looks up host names.

/** Libuv's default, and its limit. */
const THREADS = 4
const MOST_THREADS = 1024
/** So many syncs at a time, of all disks and of each; those that last longer than this, in milliseconds, do not count. */
const MOST_AT_A_TIME = 2
const LONG_MS = 2000

/** What a sync has, from its beginning to its end. */
interface Place {
  /** The device of the file system. */
  disk: number
  isLong: boolean
}

const taken = new Set<Place>()
const waiting: { disk: number; begin: (leave: () => void) => void }[] = []

/** Begins a sync as soon as there is a place for it. The place is left when it has ended. */
export function takePlace(disk: number, begin: (leave: () => void) => void): void {
  waiting.push({ disk, begin })
  beginNext()
}

/** A sync of this disk has lasted so long that nobody knows when it will end: another one would wait with it. */
export function isHanging(disk: number): boolean {
  return [...taken].some((place) => place.isLong && place.disk === disk)
}

function beginNext(): void {
  for (;;) {
    const next = waiting.findIndex(({ disk }) => isFree(disk))
    const [found] = next === -1 ? [] : waiting.splice(next, 1)
    if (found === undefined) return
    const { disk, begin } = found
    const place: Place = { disk, isLong: false }
    taken.add(place)
    const timer = setTimeout(() => {
      place.isLong = true
      beginNext()
    }, LONG_MS).unref()
    begin(() => {
      clearTimeout(timer)
      taken.delete(place)
      beginNext()
    })
  }
}

/** A disk that hangs holds up its own files: those of others get the thread that is left, and one thread is never taken. */
function isFree(disk: number): boolean {
  const places = [...taken]
  return (
    places.length < Math.max(1, threads() - 1) &&
    places.filter(({ isLong }) => !isLong).length < MOST_AT_A_TIME &&
    places.filter((place) => place.disk === disk).length < MOST_AT_A_TIME
  )
}

/** As libuv reads it. */
function threads(): number {
  const size = Number.parseInt(process.env['UV_THREADPOOL_SIZE'] ?? '', 10)
  if (Number.isNaN(size)) return THREADS
  return Math.min(Math.max(size, 1), MOST_THREADS)
}
