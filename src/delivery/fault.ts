import { isReject } from '../hl7/acknowledgement-codes.ts'
import type { AttemptResult } from './attempt-result.ts'

/** Whose fault the failure of an attempt is, and what follows from it. */
export interface Fault {
  /** `nobody knows`: it may be the message, the receiver, or what is between. */
  readonly of: 'message' | 'receiver' | 'credentials' | 'proxy' | 'token server' | 'nobody knows'
  /** The message with its lane; or all of the node, at the gate, where logins have long waits. */
  readonly waits: 'message' | 'node' | 'node, as after a login'
  /** There was no receiver to talk to: this time counts towards no failure timeout, unless the settings say so. */
  readonly isAway: boolean
  /** The receiver may have accepted the message. */
  readonly mayHaveArrived: boolean
  /** An outage of it turns to a backup receiver; `if shared`: only where both addresses are one system. */
  readonly turnsToBackup: 'yes' | 'if shared' | 'no'
}

/** What the fault of an attempt is told from. */
export type FailureFacts = Pick<
  AttemptResult,
  'decision' | 'error' | 'isCutEarly' | 'isTokenServerAway' | 'meaning' | 'reply' | 'status'
>

/** So many attempts in a row that are cut before any answer are an outage: there is nothing behind that door. */
const CUTS_OF_OUTAGE = 3

const ofMessage: Fault = {
  of: 'message',
  waits: 'message',
  isAway: false,
  mayHaveArrived: false,
  turnsToBackup: 'no'
}
/** An AE may have been stored in part. */
const refusedInPart: Fault = { ...ofMessage, mayHaveArrived: true }
/** Timeouts, 500, what cannot be read: each may have stored the message. */
const unknown: Fault = { ...refusedInPart, of: 'nobody knows' }
/** Of the statuses, 408 and 425 say so (RFC 9110 §15.5.9, RFC 8470 §5.2). */
const notProcessed: Fault = { ...unknown, mayHaveArrived: false }

const wrongAddress: Fault = { ...ofMessage, of: 'receiver', waits: 'node' }
const unreachable: Fault = { ...wrongAddress, isAway: true, turnsToBackup: 'yes' }
/** nginx, Apache and others say 502 or 504 also if the server behind them stored the message and then broke off. */
const brokenGateway: Fault = { ...unreachable, mayHaveArrived: true, turnsToBackup: 'if shared' }
/** The time of such messages counts: it may be what they hold that ends the server each time. */
const cutAgain: Fault = { ...brokenGateway, isAway: false }

const notPermitted: Fault = { ...wrongAddress, of: 'credentials' }
/** Each attempt is a login: too many lock the account. */
const login: Fault = { ...notPermitted, waits: 'node, as after a login' }
/** A server that does not accept our certificate lets nothing past its door. */
const ownCertificate: Fault = { ...login, isAway: true }

const proxyAway: Fault = { ...wrongAddress, of: 'proxy', isAway: true }
const proxyLogin: Fault = { ...proxyAway, waits: 'node, as after a login' }

const noToken: Fault = { ...wrongAddress, of: 'token server' }
const tokenServerAway: Fault = { ...noToken, isAway: true }

const byStatus: Readonly<Record<number, Fault>> = {
  401: login,
  403: notPermitted,
  404: wrongAddress,
  405: wrongAddress,
  407: proxyLogin,
  408: notProcessed,
  410: wrongAddress,
  425: notProcessed,
  429: wrongAddress,
  431: login,
  501: wrongAddress,
  502: brokenGateway,
  503: unreachable,
  504: brokenGateway
}

const byProxyStatus: Readonly<Record<number, Fault>> = {
  401: proxyLogin,
  404: unreachable,
  407: proxyLogin,
  431: proxyLogin,
  502: unreachable,
  503: unreachable,
  504: unreachable
}

/**
 * Whose fault it is that an attempt failed: decided here and nowhere else. Who waits, what is said, whether the message
 * may have arrived and whether a backup takes over follow from the answer.
 *
 * @param cutsInARow of attempts that were cut before any answer, this one included
 * @returns undefined if the attempt did not fail: the message was accepted
 */
export function faultOf(result: FailureFacts, cutsInARow = 1): Fault | undefined {
  const { decision, error, isCutEarly = false, meaning, reply } = result
  if (decision.outcome === 'accept' || decision.outcome === 'await') return undefined
  if (reply?.ack) return isReject(reply.ack.code) ? ofMessage : refusedInPart
  if (error?.family === 'token') return result.isTokenServerAway ? tokenServerAway : noToken
  if (error?.proxyStatus !== undefined) return byProxyStatus[error.proxyStatus] ?? proxyAway
  if (error?.atProxy) return proxyAway
  if (meaning === 'tls' || error?.isOfOwnCertificate) return ownCertificate
  const status = statusOf(result)
  if (status !== undefined && (status < 200 || status >= 300)) return ofStatus(status)
  if (error?.family === 'connect' || error?.family === 'tls') return unreachable
  // What ends before the request is sent belongs to no family.
  if (error?.family === undefined && status === undefined) return notProcessed
  return isCutEarly && cutsInARow >= CUTS_OF_OUTAGE ? cutAgain : unknown
}

/** The receiver's status, or the one that its reply means; undefined if none came. */
export function statusOf({
  meaning,
  reply,
  status
}: Pick<FailureFacts, 'meaning' | 'reply' | 'status'>): number | undefined {
  return typeof meaning === 'number' ? meaning : (reply?.status ?? status)
}

function ofStatus(status: number): Fault {
  const known = byStatus[status]
  if (known !== undefined) return known
  // It is not followed: the address is another one.
  if (status >= 300 && status < 400) return wrongAddress
  return status >= 400 && status < 500 ? ofMessage : unknown
}

/** Whether the receiver may have accepted the message in an attempt that failed. */
export function mayHaveArrived(result: FailureFacts & Pick<AttemptResult, 'repeats'>): boolean {
  // Each request on a connection that turned out to be dead may have arrived.
  return (result.repeats ?? 0) > 0 || faultOf(result)?.mayHaveArrived === true
}
