import { MOST_REASON, printable } from '../../../src/printable.ts'
import { type Action, hasLeft, haveLeft, isSuspended, notKept, type On, waits } from './action.ts'
import type { Desk } from './desk.ts'
import { editMessage } from './edit-message.ts'
import { inFlow } from './in-flow.ts'
import { isAtRest, pausedOfHost, pauseFields, pauseIn, sayOfHost, sendingToHost } from './pause.ts'
import { firstAsked, resendMany, resendOne, takeOut } from './resend.ts'
import { saveList } from './save-list.ts'
import { chosenQuestion, sendAgain, timesQuestion } from './send-again.ts'
import { hostsOf, sendTest, testQuestion } from './send-test.ts'
import { exportMessages, exportQuestion } from './take-out.ts'
import { needsLook } from './words.ts'

/** After these, a try too many can make it worse: the account may be locked, or the receiver refuses for longer. */
const COSTLY: readonly string[] = ['401', '407', '429', '431']

const isPaused = ({ node }: On): boolean => node.state === 'paused'
const isResendable = ({ rows }: On): boolean => rows.every(isSuspended)
const isWaiting = ({ rows }: On): boolean => rows.every(waits)

/** It is disabled or deleted, or cannot be used. */
function notRunning(on: On, desk: Desk): string {
  return notThere(on, desk) || (on.node.state === 'config' ? desk.text('trouble.config') : '')
}

function notThere({ node: { kind, state } }: On, { text }: Desk): string {
  if (state !== 'stopped') return ''
  return text(kind.startsWith('flows-') ? 'trouble.flowsStopped' : 'trouble.stopped')
}

function noneSuspended({ count }: On, { text }: Desk): string {
  return count === 0 ? text('trouble.noneSuspended') : ''
}

/** What waits can be taken out, too. */
function notHeld(on: On, { text }: Desk): string {
  return isResendable(on) || isWaiting(on) ? '' : text('trouble.notHeld')
}

function causeOf({ node: { advice, values } }: On): string {
  return String(advice?.values['cause'] ?? values['cause'] ?? '')
}

const resends = {
  route: 'resendMessages',
  asks: firstAsked,
  work: resendMany
} satisfies Partial<Action>

const discards = {
  route: 'discardMessages',
  asks: () => ({}),
  work: (on, desk) => takeOut('discard', on, desk)
} satisfies Partial<Action>

const suspends = {
  route: 'suspendMessages',
  asks: () => ({}),
  work: (on, desk) => takeOut('suspend', on, desk)
} satisfies Partial<Action>

const deletes = {
  route: 'deleteContent',
  withText: true,
  isShown: haveLeft,
  why: notKept,
  asks: () => ({}),
  async work({ node: { id }, rows }, { frame }) {
    const ids = rows.map((row) => row.id)
    const { found } = await frame.ask('deleteContent', { id }, { ids })
    return { count: found }
  }
} satisfies Partial<Action>

function switchTo(to: 'backup' | 'first') {
  const isOn = to === 'first'
  const hostFor = ({ backupHost, host }: On['node']): string =>
    printable(to === 'backup' ? backupHost : host)
  return {
    place: 'node',
    route: 'backup',
    id: 'backup',
    isShown: ({ node }) => node.backupHost !== '' && (node.backup !== null) === isOn,
    why: notRunning,
    values: ({ node }) => ({ host: hostFor(node) }),
    asks: () => ({}),
    async work({ node }, { frame }) {
      await frame.ask('backup', { id: node.id }, { to })
      return { host: hostFor(node) }
    }
  } satisfies Action
}

/**
 * All that operators can do, in the order of the buttons. What each is called, asks and says afterwards stands under
 * its name in the texts: `button`, `question`, `done`.
 */
export const ACTIONS = {
  pause: {
    place: 'node',
    route: 'pause',
    id: 'pause',
    isShown: (on) => !isPaused(on),
    why: notRunning,
    asks: (_, { text }) => ({ fields: pauseFields(text) }),
    async work({ node: { id } }, { frame, name, now }, entered) {
      await frame.ask('pause', { id }, pauseIn(entered, now()))
      return { name: name(id) }
    }
  },
  resume: {
    place: 'node',
    route: 'resume',
    id: 'pause',
    isShown: isPaused,
    isFirst: () => true,
    why: notRunning,
    async work({ node: { id } }, { frame, name }) {
      await frame.ask('resume', { id }, {})
      return { name: name(id) }
    }
  },
  tryNow: {
    place: 'node',
    route: 'tryNow',
    // Of one that is paused, it says that it is to be resumed first.
    isShown: (on) => on.node.retry !== null || on.node.token?.state === 'none' || isPaused(on),
    why: (on, { text }) => (isPaused(on) ? text('trouble.paused') : ''),
    values: (on) => ({ cause: `HTTP ${causeOf(on)}` }),
    asks: (on) => (COSTLY.includes(causeOf(on)) ? {} : undefined),
    async work({ node: { id } }, { frame }) {
      await frame.ask('tryNow', { id }, {})
      return {}
    }
  },
  // Who turns to the backup by hand also turns back by hand.
  toBackup: switchTo('backup'),
  toFirst: switchTo('first'),
  resendAll: {
    ...resends,
    place: 'node',
    isFirst: (on) => on.count > 0 && !isPaused(on),
    label: ({ count }) => (count === 0 ? 'button.resendAllNone' : 'button.resendAll'),
    why: (on, desk) => notRunning(on, desk) || noneSuspended(on, desk),
    asks: (on, desk) => firstAsked(on, desk, desk.text('button.resend', { count: on.count }))
  },
  discardAll: {
    ...discards,
    place: 'node',
    label: ({ count }) => (count === 0 ? 'button.discardAllNone' : 'button.discardAll'),
    why: (on, desk) => notThere(on, desk) || noneSuspended(on, desk),
    asks: ({ count }, { text }) => ({ confirm: text('button.discard', { count }) })
  },
  note: {
    place: 'node',
    route: 'note',
    why: (on, desk) =>
      notRunning(on, desk) || (needsLook(on.node) ? '' : desk.text('trouble.nothingToNote')),
    asks: (_, { text }) => ({
      fields: [
        { kind: 'line', name: 'text', label: text('question.noteText'), maxLength: MOST_REASON }
      ]
    }),
    async work({ node: { id } }, { frame, name }, entered) {
      const text = entered.value('text').trim()
      if (text === '') return undefined
      await frame.ask('note', { id }, { text })
      return { name: name(id) }
    }
  },
  test: {
    place: 'node',
    route: 'testNode',
    why: notRunning,
    values: ({ node }) => ({ host: hostsOf(node) }),
    asks: testQuestion,
    work: sendTest
  },
  resumeHost: {
    place: 'node',
    route: 'resumeHost',
    isShown: ({ node }) => node.paused?.host !== undefined,
    values: (on, desk) => pausedOfHost(on, desk).values,
    asks: (on, desk) => ({
      confirm: desk.text('button.resumeCount', { count: pausedOfHost(on, desk).count })
    }),
    async work(on, desk) {
      const { host } = pausedOfHost(on, desk)
      sayOfHost('done.resumeHost', host, await desk.frame.ask('resumeHost', {}, { host }), desk)
      return undefined
    }
  },
  pauseHost: {
    place: 'node',
    route: 'pauseHost',
    isShown: (on, desk) =>
      on.node.paused?.host === undefined && sendingToHost(on, desk).count > 1 && !isAtRest(on.node),
    values: (on, desk) => sendingToHost(on, desk).values,
    asks: (on, desk) => ({
      fields: pauseFields(desk.text),
      confirm: desk.text('button.pauseCount', { count: sendingToHost(on, desk).count })
    }),
    async work({ node: { host } }, desk, entered) {
      const question = { host, ...pauseIn(entered, desk.now()) }
      sayOfHost('done.pauseHost', host, await desk.frame.ask('pauseHost', {}, question), desk)
      return undefined
    }
  },
  showInFlow: {
    place: 'node',
    isShown: (_, { frame }) => frame.flow !== undefined,
    why: ({ node }, { frame: { flow }, text }) =>
      flow && inFlow(node.id, flow.has) === undefined ? text('trouble.notInEditor') : '',
    work({ node }, { frame: { flow } }) {
      const shown = flow && inFlow(node.id, flow.has)
      if (shown !== undefined) flow?.reveal(shown)
      return Promise.resolve(undefined)
    }
  },

  resendThese: { ...resends, place: 'matching', why: noneSuspended },
  discardThese: { ...discards, place: 'matching', why: noneSuspended },

  resendChosen: {
    ...resends,
    place: 'chosen',
    isShown: (on) => !haveLeft(on) && !isWaiting(on),
    why: (on, { text }) => (isResendable(on) ? '' : text('trouble.notSuspendedNorLeft'))
  },
  suspendChosen: { ...suspends, place: 'chosen', isShown: isWaiting },
  discardChosen: {
    ...discards,
    place: 'chosen',
    isShown: (on) => !haveLeft(on),
    why: notHeld
  },
  sendChosenAgain: {
    place: 'chosen',
    route: 'resendMessages',
    id: 'resend-chosen',
    isShown: haveLeft,
    why: notKept,
    asks: chosenQuestion,
    work: sendAgain
  },

  deleteContents: { ...deletes, place: 'chosen' },

  /** What was lost behind the receiver is sent again from the lists of what has left. */
  sendAgainMany: {
    place: 'left',
    route: 'resendMessages',
    isShown: haveLeft,
    why: notKept,
    asks: timesQuestion,
    work: sendAgain
  },

  /** Those that are ticked, or else all that are listed, on this page or not. */
  export: {
    place: 'listed',
    route: 'exportMessages',
    label: ({ rows }) => (rows.length === 0 ? 'button.export' : 'button.exportChosen'),
    why: (on, desk) => (haveLeft(on) ? notKept(on, desk) : ''),
    asks: exportQuestion,
    work: exportMessages
  },
  listCsv: { place: 'listed', work: saveList },

  resendOne: {
    place: 'message',
    route: 'resendMessage',
    isShown: ({ rows }) => !rows.some(hasLeft) && !rows.some(waits),
    isFirst: isResendable,
    why: (on, { text }) => (isResendable(on) ? '' : text('trouble.notSuspended')),
    work: resendOne
  },
  /** Asks first: the receiver gets a message that it may have. */
  sendAgain: {
    place: 'message',
    route: 'resendMessage',
    id: 'resend-one',
    isShown: haveLeft,
    why: notKept,
    asks: () => ({}),
    work: resendOne
  },
  suspendOne: {
    ...suspends,
    place: 'message',
    isShown: isWaiting,
    asks: (_, { text }) => ({ confirm: text('button.suspend', { count: 1 }) })
  },
  editOne: {
    place: 'message',
    route: 'resendMessage',
    withText: true,
    isShown: ({ rows }) =>
      rows.some(({ state }) => ['suspended', 'naked', 'failed'].includes(state)),
    why: (on, desk) => (isResendable(on) ? '' : notKept(on, desk)),
    work: editMessage
  },
  discardOne: {
    ...discards,
    place: 'message',
    why: notHeld,
    asks: (_, { text }) => ({ confirm: text('button.discard', { count: 1 }) })
  },
  /** For a person's request. */
  deleteContent: { ...deletes, place: 'message' },
  showMessage: {
    place: 'message',
    route: 'message',
    withText: true,
    async work({ opened }) {
      await opened?.show()
      return undefined
    }
  }
} satisfies Record<string, Action>

type Actions = typeof ACTIONS
export type ActionName = keyof Actions
/** Those that ask first, and those whose words say that they are done. */
export type AskingName = {
  [Name in ActionName]: Actions[Name] extends { asks: unknown } ? Name : never
}[ActionName]
export type SayingName = {
  [Name in ActionName]: [Said<Name>] extends [never] ? never : Name
}[ActionName]
type Said<Name extends ActionName> = Exclude<Awaited<ReturnType<Actions[Name]['work']>>, undefined>
