import type { AlertCode } from '../../src/delivery/alerts.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import type { Stands } from '../../src/delivery/standing.ts'
import type { TokenStatus } from '../../src/oauth2/token-status.ts'
import type { EndingCertificate } from './certificate-watch.ts'
import type { Full } from './not-accepted.ts'

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
  /** A message was not accepted because the queue or its disk was full, and there is not much room yet. */
  full: Full | undefined
  /** The certificate that ends first, if it ends soon. */
  ending: EndingCertificate | undefined
  /** For how long nothing has come in, in seconds, if that is too long at this time; else undefined. */
  quietSeconds: number | undefined
  /** *Retrying* needs somebody after so many milliseconds. */
  alertAfterMs: number
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
