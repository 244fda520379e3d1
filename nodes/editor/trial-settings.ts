import type { OutKey } from '../../src/form-text.ts'
import type { ReplyRules } from '../../src/rules/reply-rules.ts'
import type { TrialSettings } from '../rules/rule-trial.ts'
import { numberOf, outProperties } from '../settings/hl7-https-out-properties.ts'
import { triedMessage, USUAL_TYPE } from '../tests/test-sample.ts'
import type { Form } from './form.ts'

/** What an open form says that rules are tried with; `again` apart, which is chosen there. */
export function trialSettings(
  form: Form<OutKey>,
  rules: ReplyRules,
  sent: string
): Omit<TrialSettings, 'again'> {
  const values = form.settings()
  const { auth, replyPath } = values
  // A variable has the default here: its value is not known.
  const number = (name: 'retryInterval' | 'retryMaxInterval' | 'failureTimeout'): number => {
    const given = numberOf((one) => values[one], name)
    return Number.isNaN(given) ? outProperties[name].default : given
  }
  const pick = pickWith(textOf(replyPath))
  const failureTimeout = number('failureTimeout')
  return {
    rules,
    reply: pick === undefined ? {} : { pick },
    hasToken: typeof auth === 'string' && auth !== '' && RED.nodes.node(auth) !== null,
    sent,
    retry: {
      intervalMs: 1000 * number('retryInterval'),
      maxIntervalMs: 1000 * number('retryMaxInterval')
    },
    failureTimeoutMs: failureTimeout < 0 ? Infinity : 1000 * failureTimeout,
    failWhileUnreachable: values['failWhileUnreachable'] === true
  }
}

/** The message that a test would send. */
export function testedMessage(): string {
  const type = String($('#hl7-https-out-test-type').val())
  const own = type === '' ? String($('#node-input-sample').val()).trim() : ''
  return own === '' ? triedMessage(type || USUAL_TYPE) : own
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
}

/** The editor has JSONata, too. One that is wrong is marked at its field. */
function pickWith(expression: string): ((json: unknown) => unknown) | undefined {
  if (expression === '' || typeof jsonata === 'undefined') return undefined
  try {
    const compiled = jsonata(expression)
    return (json) => compiled.evaluate(json)
  } catch {
    return undefined
  }
}
