/** Reads the value of a property: of the node, or of its open form. */
export type ReadValue = (property: string) => unknown

/** A number: `also` is one beside the bounds that means something of its own. */
export interface NumberBounds {
  min: number
  max?: number
  /** Whole numbers only: counts. */
  integer?: true
  also?: number
}

/** A field of a form: a row with the label `label.NAME`, and `hint.NAME` and `placeholder.NAME` if there are such texts. */
export interface Field {
  /** The part of the form: `<!-- rows PART -->` in its page. Of one without that, the rows are written there by hand. */
  in?: string
  /** Before its label, a name of Font Awesome 4.7. */
  icon?: string
  /** After a number: a text under `unit`. */
  unit?: string
  /** What an empty field shows: an example that needs no translation. */
  example?: string
  /** Marks the label; the form can take the mark away. */
  required?: true
  /** Whether it is used: else its row is not shown, and its value is not judged. Absent: always. */
  when?: (value: ReadValue) => boolean
}

/**
 * Which names are valid: `header` HTTP field names (RFC 9110 §5.1), `tokenHeader` those that a token
 * request may have, `any` every name.
 */
export type EntryNames = 'header' | 'tokenHeader' | 'any'

/**
 * A text, the name of an environment variable, a slot for a secret, a property of the message, JSONata, JSON, a field of
 * the message, or user name and secret for Basic authentication: the user name, a blank and the slot.
 */
export type ValueType = 'str' | 'env' | 'cred' | 'msg' | 'jsonata' | 'json' | 'hl7' | 'basic'

/** What is said of a property once, for runtime, form, documentation and tests. */
export type Property = Field &
  (
    | {
        kind: 'text'
        default: string
        /** Offered in a list, each as `option.PROPERTY.VALUE` or as it is. */
        usual?: readonly string[]
        /** JSONata. */
        expression?: true
      }
    /** One of a few words, each shown as `option.PROPERTY.WORD` or as it is. */
    | { kind: 'choice'; default: string; words: readonly string[] }
    | ({ kind: 'number'; default: number; usual?: readonly number[] } & NumberBounds)
    | { kind: 'flag'; default: boolean }
    /** Names and values: which names are valid, and which types a value may have. */
    | { kind: 'list'; default: readonly []; names: EntryNames; types: readonly ValueType[] }
    /** The id of a config node of that type. */
    | { kind: 'node'; default: ''; type: string }
  )

/** The properties of a node type, in the order of the form and of the documentation. */
export type PropertyTable = Readonly<Record<string, Property>>

/** The tabs of a form, in their order, each with its parts. */
export type Tabs = Readonly<Record<string, readonly string[]>>

/** The tab of a field; undefined if its part is in none. */
export function tabOf<Table extends Tabs>(
  tabs: Table,
  { in: part }: Field
): (keyof Table & string) | undefined {
  return Object.keys(tabs).find((tab) => part !== undefined && tabs[tab]?.includes(part))
}

/** Kept in Node-RED's credentials file; a password never comes back to the editor. */
export type Credential = Field & { type: 'text' | 'password' }

export type CredentialTable = Readonly<Record<string, Credential>>

/** The slot that an entry of a list refers to; an empty text if it needs none. */
export function slotOf({ value, valueType }: { value?: unknown; valueType?: unknown }): string {
  if (typeof value !== 'string') return ''
  if (valueType === 'cred') return value
  return valueType === 'basic' ? basicParts(value).slot : ''
}

/** User name and slot of a value of the type Basic. */
export function basicParts(value: string): { user: string; slot: string } {
  const at = value.lastIndexOf(' ')
  return { user: value.slice(0, Math.max(at, 0)), slot: value.slice(at + 1) }
}

/** Slots for secrets that values of lists refer to. The form shows none of them: a secret is typed in its row. */
export const SECRETS = {
  secret1: { type: 'password' },
  secret2: { type: 'password' },
  secret3: { type: 'password' },
  secret4: { type: 'password' },
  secret5: { type: 'password' },
  secret6: { type: 'password' }
} as const satisfies CredentialTable

/** Whether a credential is a slot. */
export function isSecret(name: string): name is keyof typeof SECRETS {
  return Object.hasOwn(SECRETS, name)
}

const TEXT = { kind: 'text', default: '' } as const

/** How credentials are read: each is a text. */
export function asTexts<Table extends CredentialTable>(
  table: Table
): { [Name in keyof Table]: typeof TEXT } {
  return Object.fromEntries(Object.keys(table).map((name) => [name, TEXT])) as never
}

/** What Node-RED is told of credentials. */
export function typesOf(table: CredentialTable): Record<string, { type: Credential['type'] }> {
  return Object.fromEntries(Object.entries(table).map(([name, { type }]) => [name, { type }]))
}

/** Why a number cannot be used; the key of its words in the locales under `problem`. */
export type NumberProblem = '' | 'number' | 'numberInteger' | 'numberMin' | 'numberMax'

/**
 * Judges a number as a form or a flow file holds it: a number, or its text.
 *
 * @returns the problem, or an empty string
 */
export function numberProblem(value: unknown, bounds: NumberBounds): NumberProblem {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : ''
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) return 'number'
  if (number === bounds.also) return ''
  if (bounds.integer === true && !Number.isInteger(number)) return 'numberInteger'
  if (number < bounds.min) return 'numberMin'
  return number > (bounds.max ?? Number.MAX_SAFE_INTEGER) ? 'numberMax' : ''
}

/** Whether the property names a config node. */
export const names =
  (property: string) =>
  (value: ReadValue): boolean => {
    const id = value(property)
    return typeof id === 'string' && id.trim() !== ''
  }

/** Whether the property has one of the values. */
export const is =
  (property: string, ...values: readonly string[]) =>
  (value: ReadValue): boolean =>
    values.includes(String(value(property)))
