import type { MessageIn } from '../../../nodes/flow/message-in.ts'
import type { MessageOut } from '../../../nodes/flow/message-out.ts'
import type { CodedStatus } from '../../../nodes/flow/status-line.ts'
import type { QuestionOf } from '../../../nodes/operations/questions.ts'
import type { AnswerOf } from '../../../nodes/operations/route-table.ts'
import type { DeliveryError } from '../../../src/delivery/delivery-error.ts'
import type { ScriptRoute } from '../routes.ts'

/** The types that say what goes in and out. `type-facts.ts` opens this file with the compiler and reads them. */
export interface SurfaceTypes {
  messageIn: MessageIn
  messageOut: MessageOut
  /** `msg.error`, beside what Node-RED adds. */
  error: Pick<DeliveryError, 'code' | 'message' | 'cause'>
  status: CodedStatus
  takes: { [Name in ScriptRoute]: QuestionOf<Name> }
  answers: { [Name in ScriptRoute]: AnswerOf<Name> }
}
