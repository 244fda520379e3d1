import type { AlertCode } from '../../src/delivery/alerts.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import type { Stands } from '../../src/delivery/standing.ts'
import type { TokenStatus } from '../../src/oauth2/token-status.ts'
import type { EndingCertificate } from './certificate-watch.ts'
import type { Lasting } from './call-clocks.ts'
import type { TurnedAwayNow } from './turned-away.ts'

/** Everything that conditions follow from. */
export interface ConditionFacts {
  delivery: DeliveryState
  stands: Stands
  /** Undefined if the receiver wants no token. */
  token: TokenStatus | undefined
  /** None could be had, although no message waits for it. */
  isTokenLost: boolean
  alerts: ReadonlySet<AlertCode>
  /** The code of the error with which the last message was not accepted, while it holds; `''` for none. */
  refusal: string
  /** Messages that were turned away, and nobody has noted that. */
  turnedAway: TurnedAwayNow | undefined
  /** The certificate, or the client secret, that ends first, if it ends soon. */
  ending: EndingCertificate | undefined
  /** For how long nothing has come in, in seconds, if that is too long at this time; else undefined. */
  quietSeconds: number | undefined
  /** For how long something has lasted that needs somebody in the end. */
  lasting: Lasting
  /** That is once nothing has got through for so many milliseconds. */
  callAfterMs: number
  /** Wall clock, milliseconds. */
  now: number
}

/** When a message that is retried goes to Catch. */
export interface GiveUp {
  /** Counted from its first attempt; `Infinity`: never. */
  afterMs: number
  /** The clock runs during an outage too. */
  whileUnreachable: boolean
}
