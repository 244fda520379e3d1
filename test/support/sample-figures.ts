import type { NodeFigures, TokenFigures } from '../../nodes/operations/metrics.ts'
import type { Figures } from '../../src/queue/figures.ts'

/** Of a node that has not run before. */
export const NO_FIGURES: Figures = {
  minutes: [],
  lastAckAt: undefined,
  since: {},
  givenUp: undefined,
  refusing: [],
  lastInAt: undefined,
  note: undefined,
  calls: {},
  turnedAway: undefined,
  turnedAwayMinutes: [],
  ended: undefined,
  giveUpMs: 0,
  givenUpInVain: 0,
  addresses: {}
}

/** A node to which everything has happened that the metrics can say. */
export function fullNode(): NodeFigures {
  return {
    id: 'a1',
    name: 'Registry',
    refused: new Map([['HL7_INVALID_MESSAGE', 5]]),
    delivery: {
      outcomes: { ack: 120, nak: 7, error: 3 },
      attempts: { ack: 120, nak: 8, http: 5, error: 4, token: 2 },
      durations: {
        atMost: [100, 110, 120, 125, 130, 131, 132, 132, 132, 132],
        sumMs: 98_765.4,
        count: 133
      },
      queue: {
        messages: { waiting: 20, in_flight: 1, retrying: 2, awaiting: 3, suspended: 4 },
        oldestAgeMs: 5_400_500,
        longestWaitMs: 90_250,
        isPaused: true
      }
    },
    tokenValidMs: 240_000,
    certificates: [
      { of: 'receiver', validMs: 9 * 86_400_000 },
      { of: 'backup', validMs: 20 * 86_400_000 },
      { of: 'token server', validMs: -60_000 },
      { of: 'client', validMs: 300 * 86_400_000 }
    ],
    conditions: [
      { code: 'SUSPENDED', level: 'call' },
      { code: 'REFUSING', level: 'watch' },
      { code: 'ACK', level: 'fine' }
    ]
  }
}

export function fullTokenNode(): TokenFigures {
  return { id: 't1', name: 'Login', requests: { ok: 9, error: 1 } }
}
