import type { RuleText } from '../../rules/reply-rule-words.ts'
import type { Permission } from '../permissions.ts'
import type { QuestionOf } from '../questions.ts'
import type { AnswerOf, ParamsOf, RouteName } from '../route-table.ts'
import type { Answered } from './save-file.ts'
import type { Text } from './times.ts'

/** What the application needs of the page that it is shown in: it uses nothing else of it. */
export interface Frame {
  /**
   * Asks a route of Node-RED.
   *
   * @throws {RequestError} if Node-RED answers with an error, or does not answer
   */
  ask: <Name extends RouteName>(
    name: Name,
    params: ParamsOf<Name>,
    question: QuestionOf<Name>
  ) => Promise<AnswerOf<Name>>
  /**
   * The same of a route that answers with a file.
   *
   * @throws {RequestError}
   */
  download: <Name extends RouteName>(
    name: Name,
    params: ParamsOf<Name>,
    question: QuestionOf<Name>
  ) => Promise<Answered>
  /** Looks a text of `sidebar.json` up. */
  text: Text
  /** The same of the form: what says a reply rule in words. */
  ruleText: RuleText
  /** As in the `lang` of a page. */
  language: string
  /** Whether the user may do this. The server decides again. */
  may: (permission: Permission) => boolean
  /** So often it asks while somebody looks and nothing is heard of a change, in milliseconds. */
  everyMs: () => number
  /** The flows, where they can be seen. */
  flow?: {
    /** Whether there is such a node. */
    has: (id: string) => boolean
    reveal: (id: string) => void
  }
  /** Says what is chosen, so that it can be sent to a colleague. */
  chosen?: (place: Place) => void
  /** Says how many nodes need attention. */
  attention?: (count: number) => void
}

/** What is chosen: a node, and perhaps one of its messages, or what is listed of them. */
export interface Place extends ListPlace {
  node?: string
  message?: string
}

/** What is listed: without control IDs, and what somebody typed. */
export interface ListPlace {
  list?: string
  type?: string
  rule?: string
  error?: string
}
