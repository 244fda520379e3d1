import type { NodeAPI } from 'node-red'

/** A number of bytes. */
export interface Bytes {
  kind: 'bytes'
  default: number
  least: number
  most?: number
}

interface Flag {
  kind: 'flag'
  default: boolean
}

interface Text {
  kind: 'text'
  default?: string
  /** The environment variable that says it where settings.js does not: some write settings.js for their users. */
  variable?: string
}

/** What settings.js can say of these nodes, and what holds if it does not. */
export const SETTINGS = {
  /** Most bytes read of an answer: that takes time in proportion, during which Node-RED does nothing else. */
  hl7HttpsOutMaxReplyBytes: {
    kind: 'bytes',
    default: 2_097_152,
    least: 1024,
    most: 104_857_600
  },
  /** Most bytes of contents that are kept once their messages have left. */
  hl7HttpsOutMaxKeptBytes: { kind: 'bytes', default: 1_073_741_824, least: 0 },
  /** Where the queue files are: by default, in the user directory. */
  hl7HttpsOutQueueDirectory: {
    kind: 'text',
    default: 'hl7-https-out',
    variable: 'HL7_HTTPS_OUT_QUEUE_DIRECTORY'
  },
  /** By default, the key is a random one, in a file. It may be in another: `${file:…}`. */
  hl7HttpsOutQueueKey: { kind: 'text', variable: 'HL7_HTTPS_OUT_QUEUE_KEY' },
  /** Whether a secret may be in a file. Where others than the owner of the machine edit flows, it may not. */
  hl7HttpsOutSecretFiles: { kind: 'flag', default: true }
} as const satisfies Readonly<Record<string, Bytes | Flag | Text>>

type SettingName = keyof typeof SETTINGS

export type BytesSetting = {
  [Name in SettingName]: (typeof SETTINGS)[Name] extends Bytes ? Name : never
}[SettingName]

/** @returns what stands in settings.js, or else in its variable, unchecked; undefined if nothing does */
export function setting(RED: NodeAPI, name: SettingName): unknown {
  const said = (RED.settings as Readonly<Partial<Record<SettingName, unknown>>>)[name]
  if (said !== undefined) return said
  const known: Bytes | Flag | Text = SETTINGS[name]
  const variable = known.kind === 'text' ? known.variable : undefined
  // One that compose sets to nothing says nothing.
  return variable === undefined ? undefined : process.env[variable] || undefined
}

/** Whether `${file:…}` may be used. Node-RED's own switch is for the files of TLS configurations. */
export function allowsSecretFiles(RED: NodeAPI): boolean {
  const { tlsConfigDisableLocalFiles } = RED.settings as { tlsConfigDisableLocalFiles?: unknown }
  const allowed = setting(RED, 'hl7HttpsOutSecretFiles') ?? true
  return allowed === true && !tlsConfigDisableLocalFiles
}
