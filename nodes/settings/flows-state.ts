import type { NodeAPI } from 'node-red'

/** Why Node-RED's flows are stopped. */
export interface FlowsStopped {
  /** `stopped`: somebody has stopped them; else as Node-RED names it. */
  why: string
  /** The node types or modules that are missing, comma-separated; else `''`. */
  missing: string
}

interface FlowsState {
  stopped: FlowsStopped | undefined
  areCredentialsUnread: boolean
  changed: (() => void)[]
}

/** Of each Node-RED, by its event emitter. */
const states = new WeakMap<NodeAPI['events'], FlowsState>()

/** What Node-RED tells its editors of the flows. */
interface RuntimeState {
  state?: unknown
  error?: unknown
  /** It is part of a deploy: the flows start again. */
  deploy?: unknown
  types?: unknown
  modules?: unknown
}

/**
 * Follows what becomes of the flows, from before they are loaded.
 *
 * @param changed called when they have stopped
 */
export function watchFlows({ events }: NodeAPI, changed?: () => void): void {
  let state = states.get(events)
  if (state === undefined) {
    state = { stopped: undefined, areCredentialsUnread: false, changed: [] }
    states.set(events, state)
    follow(events, state)
  }
  if (changed !== undefined) state.changed.push(changed)
}

function follow(events: NodeAPI['events'], state: FlowsState): void {
  events.on('flows:started', () => {
    state.stopped = undefined
  })
  events.on('runtime-event', ({ id, payload }: { id?: unknown; payload?: RuntimeState } = {}) => {
    if (id !== 'runtime-state') return
    read(state, payload)
    if (state.stopped !== undefined) for (const changed of state.changed) changed()
  })
}

function read(state: FlowsState, payload: RuntimeState | undefined): void {
  if (payload === undefined) {
    // The flows were loaded, and their credentials; or the last node type that was missing is there.
    if (state.stopped?.why !== 'missing-types') state.areCredentialsUnread = false
    return
  }
  const { deploy, error, state: name } = payload
  if (error === UNREAD) state.areCredentialsUnread = true
  const isStopped = name === 'stop' || name === 'safe'
  // Of a project, the flows are not even loaded then; else they start, and that is told.
  if (error !== UNREAD && !(isStopped && (error !== undefined || deploy !== true))) return
  state.stopped = {
    why: typeof error === 'string' ? error : 'stopped',
    missing: missingIn(payload)
  }
}

/** Another `credentialSecret`, or a damaged file. */
const UNREAD = 'credentials_load_failed'

function missingIn({ modules, types }: RuntimeState): string {
  const all: unknown[] = [types, modules].find((one) => Array.isArray(one)) ?? []
  return all
    .map((one) => (typeof one === 'string' ? one : String((one as { module?: unknown }).module)))
    .join(', ')
}

/** Undefined: they run, or are about to. */
export function flowsStopped({ events }: NodeAPI): FlowsStopped | undefined {
  return states.get(events)?.stopped
}

/** Node-RED could not decrypt the credentials of the nodes: they have none. */
export function areCredentialsUnread({ events }: NodeAPI): boolean {
  return states.get(events)?.areCredentialsUnread === true
}
