import { inEnvelope, REGISTRY, type SubmittedMessage } from '../../demo/soap-registry.ts'
import type { ReceiverAnswer } from '../../demo/received-request.ts'

/** A fault that says in its text whose record it refuses, as faults do. */
export function faultAnswer(version: SubmittedMessage['version'], status = 500): ReceiverAnswer {
  const words = 'The record of Astrid Lindqvist cannot be stored.'
  const detail = `<SecurityFault xmlns="${REGISTRY}"><Reason>${words}</Reason></SecurityFault>`
  return inEnvelope(
    version,
    status,
    version === '1.1'
      ? `<s:Fault><faultcode>s:Client</faultcode><faultstring>${words}</faultstring><detail>${detail}</detail></s:Fault>`
      : `<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">${words}</s:Text></s:Reason><s:Detail>${detail}</s:Detail></s:Fault>`
  )
}
