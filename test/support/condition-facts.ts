import type { ConditionFacts } from '../../nodes/flow/condition-facts.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import type { Stands } from '../../src/delivery/standing.ts'

/** A delivery to which nothing has happened. */
export const IDLE_DELIVERY: DeliveryState = {
  state: 'idle',
  queued: 0,
  unconfirmed: 0,
  diskSilentMs: 0,
  ownLimitMs: null,
  inFlight: 0,
  retrying: 0,
  suspendedFor: null,
  paused: null,
  awaiting: 0,
  suspended: 0,
  acked: 0,
  naked: 0,
  failed: 0,
  failing: null,
  failure: null,
  fault: null,
  oldestAgeMs: 0,
  longestWaitMs: 0,
  lastError: null,
  lastOutcome: null,
  retry: null,
  isOutage: false,
  backup: null
}

const NOTHING: Stands = { ended: undefined, givenUp: undefined, refusing: [], lastInAt: undefined }

/** What conditions follow from, of a node to which nothing else has happened. */
export function conditionFacts(
  delivery: Partial<DeliveryState> = {},
  { stands, ...more }: Partial<Omit<ConditionFacts, 'stands'>> & { stands?: Partial<Stands> } = {}
): ConditionFacts {
  return {
    delivery: { ...IDLE_DELIVERY, ...delivery },
    stands: { ...NOTHING, ...stands },
    token: undefined,
    isTokenLost: false,
    alerts: new Set(),
    refusal: '',
    turnedAway: undefined,
    ending: undefined,
    quietSeconds: undefined,
    lasting: { stuckMs: 0, refusedMs: 0, tokenRefusedMs: 0 },
    callAfterMs: 0,
    now: 1_000_000,
    ...more
  }
}
