import type { FileSystem } from '../support/small-disk.ts'

/**
 * What is tried on a full disk: to send all; to suspend all and resend them; to await acknowledgements of all, which
 * then come; or what an operator does.
 */
export type Scenario = 'drain' | 'suspended' | 'awaiting' | 'operator'

/**
 * Who fills the disk: the messages of the queue, until no more are accepted; another program, which takes all that
 * is left before anything is sent; or another program that goes on writing while messages are sent.
 */
export type FilledBy = 'itself' | 'another' | 'flood'

/** One case of the trial. */
export interface DiskTrialCase {
  scenario: Scenario
  filledBy: FilledBy
  /** The process is killed at random moments. */
  isKilled: boolean
  fileSystem: FileSystem
  megabytes: number
  order: 'fifo' | 'none'
  journalDays: number
  replyBytes: number
  messageBytes: number
}

/** Shown, and chosen by. */
export function nameOf(trial: DiskTrialCase): string {
  return [
    trial.scenario,
    trial.filledBy,
    trial.isKilled ? 'killed' : 'alive',
    trial.fileSystem,
    `${trial.megabytes}m`,
    trial.order,
    `days=${trial.journalDays}`,
    `reply=${trial.replyBytes / 1000}k`,
    `message=${trial.messageBytes / 1000}k`
  ].join(' ')
}

/** A few that show most of what can go wrong, in seconds. */
const USUAL = [
  'drain itself alive tmpfs 4m fifo days=14 reply=20k message=1k',
  'drain itself killed tmpfs 4m none days=14 reply=20k message=1k',
  'drain another alive ext4 4m none days=14 reply=20k message=1k',
  'drain flood alive tmpfs 4m none days=0 reply=0k message=1k',
  'suspended itself alive tmpfs 4m none days=14 reply=20k message=1k',
  'operator itself killed tmpfs 4m none days=14 reply=20k message=1k',
  'operator another killed tmpfs 4m fifo days=0 reply=20k message=1k'
]

/**
 * The cases that are wanted: `all`, or those whose names contain all of the words; without words, a few.
 *
 * @param words such as `killed tmpfs 4m`
 */
export function chosenCases(words: string | undefined): DiskTrialCase[] {
  const all = allCases()
  if (words === undefined || words === '') {
    return all.filter((trial) => USUAL.includes(nameOf(trial)))
  }
  if (words === 'all') return all
  const wanted = words.split(/\s+/)
  return all.filter((trial) => {
    const own = nameOf(trial).split(' ')
    return wanted.every((word) => own.includes(word))
  })
}

const SIZES = [4, 8, 16, 64]
/** On the largest disks, and with long messages, what is remembered makes no difference. */
const LARGEST = 64
/** A long message needs some room. */
const SIZES_OF_LONG = [8, 64]
const REPLIES = [0, 20_000, 200_000]
const LONG = 200_000
const SHORT = 1000

/** The smallest disks first. */
function allCases(): DiskTrialCase[] {
  const cases = disks().flatMap((disk) => {
    const isUsual = disk.journalDays > 0
    if (disk.megabytes === LARGEST && !isUsual) return []
    const holdsLong = isUsual && SIZES_OF_LONG.includes(disk.megabytes)
    return [
      ...drains(disk, SHORT, REPLIES),
      ...(holdsLong ? drains(disk, LONG, [0, LONG]) : []),
      ...others(disk)
    ]
  })
  return cases.sort((one, other) => one.megabytes - other.megabytes)
}

type Disk = Pick<DiskTrialCase, 'fileSystem' | 'megabytes' | 'order' | 'journalDays'>

function disks(): Disk[] {
  return product({
    fileSystem: ['tmpfs', 'ext4'] as const,
    megabytes: SIZES,
    order: ['fifo', 'none'] as const,
    journalDays: [14, 0]
  })
}

function drains(disk: Disk, messageBytes: number, replies: number[]): DiskTrialCase[] {
  const kinds = product({
    filledBy: ['itself', 'another', 'flood'] as const,
    isKilled: [false, true],
    replyBytes: replies
  })
  return kinds.map((kind) => ({ scenario: 'drain', ...disk, ...kind, messageBytes }))
}

function others(disk: Disk): DiskTrialCase[] {
  const common = { ...disk, replyBytes: 20_000, messageBytes: SHORT }
  const aside = product({ scenario: ['suspended', 'awaiting'] as const, isKilled: [false, true] })
  const operator = product({ filledBy: ['itself', 'another'] as const })
  return [
    ...aside.map((kind) => ({ ...common, ...kind, filledBy: 'itself' as const })),
    ...operator.map((kind) => ({
      ...common,
      ...kind,
      scenario: 'operator' as const,
      isKilled: true
    }))
  ]
}

/** All combinations. */
function product<Choices extends Record<string, readonly unknown[]>>(
  choices: Choices
): { [Name in keyof Choices]: Choices[Name][number] }[] {
  let made: Record<string, unknown>[] = [{}]
  for (const [name, values] of Object.entries(choices)) {
    made = made.flatMap((before) => values.map((value) => ({ ...before, [name]: value })))
  }
  return made as { [Name in keyof Choices]: Choices[Name][number] }[]
}
