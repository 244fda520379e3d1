import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { namesBeside, refusedIn } from '../../src/queue/files-beside.ts'
import { STATES } from '../../src/queue/message-row.ts'
import { OpenFiles } from '../../src/queue/open-files.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { KEY } from '../queue/set-up.ts'
import { generator } from '../support/random.ts'
import { Commits, isQueueFile, type Facts } from './commits.ts'
import { DiskModel, type Image, type Random } from './disk-model.ts'
import type { MarkKind } from './power-process.ts'
import type { FileId, Step } from './recording.ts'

const FILE = 'queue.sqlite'
/** As `power-process.ts` has it. */
const OPENED = { name: 'queue', key: KEY, journalDays: 14, order: 'key', orderKey: '' } as const
const [WAITING, , SUSPENDED, LEAVING, LEFT] = STATES.keys()

/** What a power failure must not show, and how often it did. */
export type Finding =
  | 'integrity'
  | 'a state that no commit has left'
  | 'older than what was confirmed'
  | 'called damaged'
  | 'confirmed before its sync'
  | 'requested before its sync'
  | 'requested though refused'
  | 'there though refused'
  | 'a lane repeats something else than its end'
  | 'handed out in another order'
  | 'never stored'

/** Findings, each with some of the places where it was. */
export class Findings {
  readonly #places = new Map<Finding, string[]>()

  add(finding: Finding, place: string): void {
    this.#places.set(finding, [...(this.#places.get(finding) ?? []), place])
  }

  get kinds(): Finding[] {
    return [...this.#places.keys()]
  }

  /** For people. */
  get texts(): string[] {
    return [...this.#places].map(
      ([finding, places]) => `${finding}: ${places.length} times (${places.slice(0, 5).join('; ')})`
    )
  }
}

/** Something that was promised, or may be repeated, and since which step. */
interface Mark {
  step: number
  kind: MarkKind
  about: string
}

/** A recorded run, and what a power failure at any step of it would leave. */
export class Replay {
  readonly findings = new Findings()
  readonly #steps: readonly Step[]
  readonly #commits: Commits
  readonly #marks: readonly Mark[]
  /** Confirmations in the order of their steps: from there on the state is that of this commit or of a newer one. */
  readonly #confirmed: { step: number; commit: number }[] = []
  /** The step since which a commit is on the disk whatever happens, by its number. */
  readonly #safeSince: number[]
  /** The first commit in which a message is suspended. */
  readonly #suspendedIn = new Map<string, number>()
  readonly #directory: string

  /** @param directory for images, in memory */
  constructor(steps: readonly Step[], directory: string) {
    this.#steps = steps
    this.#directory = directory
    this.#commits = new Commits(steps, FILE, join(directory, 'facts.sqlite'))
    this.#marks = steps.flatMap((step, index) => {
      if (step.kind !== 'mark') return []
      const [kind = '', about = ''] = step.words
      return [{ step: index, kind: kind as MarkKind, about }]
    })
    this.#safeSince = safeSince(steps, this.#commits)
    for (const [commit, { facts }] of this.#commits.list.entries()) {
      for (const [id, { state }] of facts.messages) {
        if (state === SUSPENDED && !this.#suspendedIn.has(id)) this.#suspendedIn.set(id, commit)
      }
    }
  }

  get counts(): { commits: number; confirmed: number; syncs: number } {
    const syncs = this.#steps.filter(({ kind }) => kind === 'sync ends').length
    return { commits: this.#commits.list.length, confirmed: this.#confirmed.length, syncs }
  }

  /** What can be told without a power failure: nothing was promised, and nothing sent, before it was on the disk. */
  checkMarks(): void {
    const refused = new Set<string>()
    const requested = new Set<string>()
    for (const mark of this.#marks) {
      const { step, kind, about } = mark
      if (kind === 'refused') refused.add(about)
      if (kind === 'request') {
        if (refused.has(about)) this.findings.add('requested though refused', about)
        if (requested.has(about)) continue
        requested.add(about)
        if (!this.#isSafe(this.#commitOf('accepted', about), step)) {
          this.findings.add('requested before its sync', about)
        }
        continue
      }
      if (!CONFIRMED.has(kind)) continue
      const commit = this.#commitOf(kind, about)
      if (commit === undefined) this.findings.add('never stored', `${kind} ${about}`)
      else {
        this.#confirmed.push({ step, commit })
        if (!this.#isSafe(commit, step)) {
          this.findings.add('confirmed before its sync', `${kind} ${about}`)
        }
      }
    }
  }

  /**
   * The power fails when syncs begin, and at random steps.
   *
   * @param count of random steps
   * @param share of the syncs, from 0 to 1
   * @returns how often it has failed
   */
  async fail(count: number, share: number, seed: number): Promise<number> {
    const random = generator(seed)
    const points = new Map<number, number>()
    const add = (step: number): void => {
      points.set(step, (points.get(step) ?? 0) + 1)
    }
    for (const [index, { kind }] of this.#steps.entries()) {
      if (kind === 'sync begins' && random() < share) add(index)
    }
    for (let i = 0; i < count; i++) add(Math.floor(random() * this.#steps.length))
    const model = new DiskModel(random)
    let images = 0
    for (const [index, step] of this.#steps.entries()) {
      model.take(step)
      for (let i = points.get(index) ?? 0; i > 0; i--) {
        await this.#check(model.image(random), index, random)
        images++
      }
    }
    return images
  }

  async #check(image: Image, step: number, random: Random): Promise<void> {
    const place = `step ${step}`
    const commit = this.#stateOf(image, place)
    if (commit === undefined) return
    const confirmed = Math.max(
      -1,
      ...this.#confirmed.filter((each) => each.step <= step).map((each) => each.commit)
    )
    if (commit < confirmed) {
      this.findings.add('older than what was confirmed', `${place}: ${commit}, not ${confirmed}`)
    }
    const facts = this.#commits.list[commit]?.facts
    if (facts !== undefined) this.#checkLanes(facts, commit, step)
    await this.#open(image, facts, step, random)
  }

  /** SQLite opens it. @returns the commit that has left the state */
  #stateOf(image: Image, place: string): number | undefined {
    const directory = this.#write(image, 'sqlite')
    const path = join(directory, FILE)
    // What the next start takes if there is no file.
    const others = namesBeside(FILE)
    if (!image.has(FILE) && image.has(others.closing)) {
      renameSync(join(directory, others.closing), path)
    } else if (!image.has(FILE) && image.has(others.rescue)) {
      rmSync(`${path}-wal`, { force: true })
      renameSync(join(directory, others.rescue), path)
    } else if (!image.has(FILE)) return -1
    const db = new DatabaseSync(path)
    try {
      db.exec('PRAGMA locking_mode = EXCLUSIVE')
      const { integrity_check } = db.prepare('PRAGMA integrity_check(1)').get() ?? {}
      if (integrity_check !== 'ok') {
        this.findings.add('integrity', `${place}: ${String(integrity_check)}`)
        return undefined
      }
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch (error) {
      this.findings.add('integrity', `${place}: ${String(error)}`)
      return undefined
    } finally {
      db.close()
    }
    const commit = this.#commits.find(readFileSync(path))
    if (commit === undefined) {
      this.findings.add('a state that no commit has left', place)
    }
    return commit
  }

  /**
   * Of each lane, what was sent already and is still there is the end of what was sent, without a gap. A message that
   * was resent has lost its place.
   */
  #checkLanes({ messages }: Facts, commit: number, step: number): void {
    const lanes = new Map<number | null, Set<string>>()
    for (const { kind, about: id, step: at } of this.#marks) {
      if (kind !== 'request' || at > step) continue
      if ((this.#suspendedIn.get(id) ?? Infinity) <= commit) continue
      const lane = messages.get(id)?.lane ?? null
      lanes.set(lane, (lanes.get(lane) ?? new Set()).add(id))
    }
    for (const ids of lanes.values()) {
      const states = [...ids].map((id) => messages.get(id)?.state ?? LEFT)
      const isGone = states.map((state) => state === LEFT || state === LEAVING)
      if (!isGone.includes(false) || isGone.lastIndexOf(true) < isGone.indexOf(false)) continue
      const what = [...ids].map((id, at) => `${id} ${STATES[states[at] ?? 0] ?? ''}`)
      const place = `step ${step}: ${what.slice(-8).join(', ')}`
      this.findings.add('a lane repeats something else than its end', place)
    }
  }

  /**
   * The real code opens it, as the queue thread does, and hands out the first message of each lane. A thread for each
   * image would take most of the time.
   */
  async #open(image: Image, facts: Facts | undefined, step: number, random: Random): Promise<void> {
    const place = `step ${step}`
    const spec = { ...OPENED, path: join(this.#write(image, 'real'), FILE) }
    const withdrawn = new Set(refusedIn(spec.path))
    const notices: string[] = []
    const files = new OpenFiles({
      onNotice: (_, text) => notices.push(text),
      onSynced: () => undefined,
      onFailed: (_, error) => notices.push(String(error))
    })
    try {
      const isDamaged = files.wasNotClosed(spec) && files.isDamaged(spec)
      await files.copyInDoubt(spec, { kind: 'open', isDamaged })
      files.open(spec, isDamaged)
      const there = files.use(spec, ({ queue }) => controlIdsIn(queue))
      for (const { kind, about, step: at } of this.#marks) {
        const isThere = kind === 'refused' && at <= step && there.has(about)
        if (isThere) this.findings.add('there though refused', `${place}: ${about}`)
      }
      if (notices.length > 0) {
        this.findings.add('called damaged', `${place}: ${notices.join(' ')}`)
      } else if (facts !== undefined && random() < 0.5) {
        const claims = files.use(spec, (file) => file.transaction((queue) => queue.claimNext(1000)))
        const claimed = claims.map(({ row }) => row.controlId)
        const expected = headsOf(facts, withdrawn)
        if (claimed.some((id) => !expected.has(id))) {
          this.findings.add(
            'handed out in another order',
            `${place}: ${claimed.join(', ')} expected ${[...expected].join()} ${JSON.stringify([...facts.messages].filter(([, m]) => m.state === WAITING))}`
          )
        }
      }
    } catch (error) {
      this.findings.add('called damaged', `${place}: ${String(error)}`)
    } finally {
      await files.stopSyncing(spec)
      files.close(spec)
    }
  }

  #write(image: Image, name: string): string {
    const directory = join(this.#directory, name)
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory)
    for (const [file, bytes] of image) writeFileSync(join(directory, file), bytes)
    return directory
  }

  /** The first commit that has what was confirmed. */
  #commitOf(kind: MarkKind, about: string): number | undefined {
    const isStored = CONFIRMED.get(kind)
    if (isStored === undefined) return undefined
    let before: Facts | undefined
    const found = this.#commits.list.findIndex(({ facts }) => {
      const is = isStored(facts, about, before)
      before = facts
      return is
    })
    return found === -1 ? undefined : found
  }

  #isSafe(commit: number | undefined, step: number): boolean {
    return commit !== undefined && (this.#safeSince[commit] ?? Infinity) <= step
  }
}

/** What is confirmed only when it is on the disk, and whether a commit is the first that has it. */
const CONFIRMED = new Map<
  MarkKind,
  (facts: Facts, about: string, before: Facts | undefined) => boolean
>([
  ['accepted', ({ messages }, id) => messages.has(id)],
  ['edited', ({ messages }, id) => messages.get(id)?.isEdited === true],
  ['resent', wasSuspended],
  ['discarded', wasSuspended],
  ['paused', ({ pause }, number) => Number(pause ?? 0) >= Number(number)],
  ['resumed', ({ pause }, number, before) => before?.pause === number && pause === undefined]
])

function wasSuspended({ messages }: Facts, id: string, before: Facts | undefined): boolean {
  const isSuspended = messages.get(id)?.state === SUSPENDED
  return before?.messages.get(id)?.state === SUSPENDED && !isSuspended
}

function controlIdsIn({ reader }: Queue<Uint8Array>): Set<string> {
  const ids = new Set<string>()
  for (let before: number | undefined; before !== 0;) {
    const { messages, next } = reader.find({ limit: 1000, ...(before !== undefined && { before }) })
    for (const { controlId } of messages) ids.add(controlId)
    before = next
  }
  return ids
}

/** A message is set aside after so many processes ended while they worked on it. */
const MOST_DEATHS = 2

/** The first waiting message of each lane. @param withdrawn by numbers */
function headsOf({ messages }: Facts, withdrawn: ReadonlySet<number>): Set<string> {
  const heads = new Map<number | null, { seq: number; id: string }>()
  for (const [id, { seq, state, lane, deaths }] of messages) {
    if (deaths >= MOST_DEATHS || withdrawn.has(seq)) continue
    const head = heads.get(lane)
    if (state === WAITING && (head === undefined || head.seq > seq)) heads.set(lane, { seq, id })
  }
  return new Set([...heads.values()].map(({ id }) => id))
}

/**
 * When each commit is on the disk whatever happens: the next sync of its log that begins after it has ended well, or its log
 * was written back and the file itself synced. After a sync that failed, only the second will do.
 */
function safeSince(steps: readonly Step[], { list }: Commits): number[] {
  const mains = new Set<FileId>()
  const begun = new Map<number, number>()
  const syncs: { file: FileId; from: number; to: number; isDone: boolean }[] = []
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'made' && isQueueFile(step.name)) mains.add(step.file)
    if (step.kind === 'sync begins') begun.set(step.sync, index)
    if (step.kind !== 'sync ends') continue
    const { file, sync, isDone } = step
    syncs.push({ file, from: begun.get(sync) ?? index, to: index, isDone })
  }
  syncs.sort((one, other) => one.from - other.from)
  return list.map(({ step, log }) => {
    const later = syncs.filter(({ from }) => from > step)
    const ofLog = later.find(({ file }) => file === log)
    const ofFile = later.find(({ file, isDone }) => isDone && mains.has(file))
    return Math.min(ofLog?.isDone === true ? ofLog.to : Infinity, ofFile?.to ?? Infinity)
  })
}
