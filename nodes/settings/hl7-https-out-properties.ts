import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import {
  is,
  names,
  SECRETS,
  type CredentialTable,
  type PropertyTable,
  type ReadValue,
  type Tabs
} from './property-table.ts'

/** Whether a token is sent in a header. */
export const tokenIsHeader = (value: ReadValue): boolean =>
  names('auth')(value) && is('tokenPlacement', 'header')(value)
const isMultipart = is('format', 'multipart')
const hasMessageField = is('format', 'form', 'multipart')
const hasTemplate = is('format', 'json', 'text')
const packs = is('format', 'form', 'multipart', 'json', 'text')
const isOnDisk = is('queue', 'disk')
const keepsContents = (value: ReadValue): boolean =>
  isOnDisk(value) && !is('keepContents', 'none')(value)
/** For so many days the content of a message is kept that has left: on disk, and no longer than the journal. */
export const contentDaysKept = (value: ReadValue): number =>
  keepsContents(value)
    ? Math.min(numberOf(value, 'contentDays'), numberOf(value, 'journalDays'))
    : 0
/** A rule waits for the application acknowledgement. */
const awaits = (value: ReadValue): boolean => {
  try {
    const { rules } = parseReplyRules(String(value('replyCodeActions')))
    return rules.some(({ outcome }) => outcome === 'await')
  } catch {
    // Its mistake is said at the rules.
    return false
  }
}
const hasBackup = (value: ReadValue): boolean => String(value('backupUrl')).trim() !== ''
/** A message may give a value. */
const VALUE_TYPES = ['str', 'env', 'cred', 'msg', 'jsonata', 'hl7'] as const

/** The tabs of the form. */
export const outTabs = {
  destination: ['destination', 'test', 'backup', 'access'],
  message: ['message', 'body', 'type'],
  reply: ['rules', 'reply'],
  delivery: ['delivery', 'calls', 'retries', 'timeouts', 'queue']
} as const satisfies Tabs

/** The properties of `hl7-https-out`. Times are in seconds. */
export const outProperties = {
  name: { kind: 'text', default: '', in: 'destination', icon: 'tag' },
  url: {
    kind: 'text',
    default: '',
    in: 'destination',
    icon: 'globe',
    required: true,
    example: 'https://hl7.example.org/receive'
  },
  auth: {
    kind: 'node',
    type: 'oauth2-client-credentials',
    default: '',
    in: 'destination',
    icon: 'key'
  },
  tls: { kind: 'node', type: 'tls-config', default: '', in: 'destination', icon: 'lock' },
  contact: {
    kind: 'text',
    default: '',
    in: 'destination',
    icon: 'phone',
    example: 'HL7 service desk, +1 555 0100'
  },
  backupUrl: {
    kind: 'text',
    default: '',
    in: 'backup',
    icon: 'globe',
    example: 'https://hl7-2.example.org/receive'
  },
  backupAfter: {
    kind: 'number',
    default: 300,
    min: 0,
    max: 86_400,
    in: 'backup',
    unit: 'secondsOfOutage',
    when: hasBackup
  },

  proxy: { kind: 'node', type: 'http proxy', default: '', in: 'access', icon: 'random' },
  tokenPlacement: {
    kind: 'choice',
    words: ['header', 'body', 'query'],
    default: 'header',
    in: 'access',
    icon: 'id-badge',
    when: names('auth')
  },
  authHeader: {
    kind: 'text',
    default: 'Authorization',
    in: 'access',
    example: 'Authorization',
    when: tokenIsHeader
  },
  authScheme: { kind: 'text', default: 'Bearer', in: 'access', when: tokenIsHeader },

  format: {
    kind: 'choice',
    words: ['raw', 'mllp', 'form', 'multipart', 'json', 'text'],
    default: 'raw',
    in: 'message',
    icon: 'file-text-o'
  },
  bodyField: {
    kind: 'text',
    default: 'message',
    in: 'message',
    example: 'message',
    when: hasMessageField
  },
  bodyFileName: {
    kind: 'text',
    default: 'message.hl7',
    in: 'message',
    example: 'message.hl7',
    when: isMultipart
  },
  bodyPartType: {
    kind: 'text',
    default: 'text/plain',
    in: 'message',
    example: 'text/plain',
    when: isMultipart
  },
  bodyEncoding: {
    kind: 'choice',
    words: ['text', 'base64'],
    default: 'text',
    in: 'message',
    when: packs
  },
  bodyTemplate: { kind: 'text', expression: true, default: '', in: 'body', when: hasTemplate },
  formFields: {
    kind: 'list',
    names: 'any',
    types: VALUE_TYPES,
    default: [],
    in: 'body',
    icon: 'list',
    when: packs
  },
  contentType: { kind: 'text', default: '', in: 'type' },
  charset: {
    kind: 'text',
    default: 'auto',
    usual: ['auto', 'utf-8', 'us-ascii', 'iso-8859-1', 'iso-8859-15', 'windows-1252', 'gb18030'],
    in: 'type',
    icon: 'font'
  },
  headers: {
    kind: 'list',
    names: 'header',
    types: [...VALUE_TYPES, 'basic'],
    default: [],
    in: 'type',
    icon: 'list'
  },

  replyCodeActions: { kind: 'text', default: '', in: 'rules' },
  replyPath: { kind: 'text', expression: true, default: '', in: 'reply', icon: 'search' },
  applicationAckTimeout: {
    kind: 'number',
    default: 600,
    min: 0.001,
    max: 2_592_000,
    in: 'reply',
    unit: 'seconds',
    when: awaits
  },

  order: {
    kind: 'choice',
    words: ['fifo', 'key', 'none'],
    default: 'fifo',
    in: 'delivery',
    icon: 'sort-amount-asc'
  },
  orderKey: { kind: 'text', default: 'PID-3.1', in: 'delivery', when: is('order', 'key') },
  maxInFlight: {
    kind: 'number',
    integer: true,
    default: 8,
    min: 1,
    max: 1000,
    in: 'delivery',
    unit: 'messages',
    when: is('order', 'key', 'none')
  },
  failureTimeout: {
    kind: 'number',
    default: 900,
    min: 0,
    also: -1,
    usual: [-1, 0],
    in: 'delivery',
    unit: 'seconds'
  },
  keepContents: {
    kind: 'choice',
    words: ['refused', 'all', 'none'],
    default: 'refused',
    in: 'delivery',
    when: isOnDisk
  },
  contentDays: {
    kind: 'number',
    default: 7,
    min: 0,
    max: 3650,
    in: 'delivery',
    unit: 'daysKept',
    when: keepsContents
  },
  searchFields: { kind: 'text', default: '', in: 'delivery', when: isOnDisk },
  callAfter: { kind: 'number', default: 300, min: 0, in: 'calls', unit: 'secondsStuck' },
  inactivityAlert: { kind: 'number', default: 0, min: 0, in: 'calls', unit: 'secondsQuiet' },
  inactivityTimes: {
    kind: 'text',
    default: '',
    in: 'calls',
    example: 'Mon-Fri 07:00-19:00, Sat 08:00-12:00',
    when: (value) => Number(value('inactivityAlert')) > 0
  },

  retryInterval: {
    kind: 'number',
    default: 5,
    min: 0.001,
    max: 86_400,
    in: 'retries',
    icon: 'repeat',
    unit: 'seconds'
  },
  retryMaxInterval: {
    kind: 'number',
    default: 60,
    min: 0.001,
    max: 86_400,
    in: 'retries',
    unit: 'seconds'
  },
  failWhileUnreachable: {
    kind: 'flag',
    default: false,
    in: 'retries',
    when: (value) => Number(value('failureTimeout')) > 0
  },
  maxPerSecond: {
    kind: 'number',
    default: 0,
    min: 0,
    max: 10_000,
    in: 'retries',
    unit: 'perSecond'
  },

  connectTimeout: {
    kind: 'number',
    default: 5,
    min: 0.001,
    max: 3600,
    in: 'timeouts',
    icon: 'clock-o',
    unit: 'seconds'
  },
  responseTimeout: {
    kind: 'number',
    default: 30,
    min: 0.001,
    max: 86_400,
    in: 'timeouts',
    unit: 'seconds'
  },

  queue: {
    kind: 'choice',
    words: ['disk', 'memory'],
    default: 'disk',
    in: 'queue',
    icon: 'database'
  },
  queueLimit: {
    kind: 'number',
    integer: true,
    default: 100_000,
    min: 1,
    in: 'queue',
    unit: 'messages'
  },
  journalDays: {
    kind: 'number',
    default: 14,
    min: 0,
    max: 3650,
    in: 'queue',
    icon: 'history',
    unit: 'days'
  },
  queueCountAlert: {
    kind: 'number',
    integer: true,
    default: 0,
    min: 0,
    in: 'queue',
    icon: 'bell-o',
    unit: 'messagesWait'
  },
  queueWaitAlert: { kind: 'number', default: 0, min: 0, in: 'queue', unit: 'secondsWait' }
} as const satisfies PropertyTable

/** `sample` is there to be shown: it is sealed because people paste messages with patients. */
export const outCredentials = {
  ...SECRETS,
  sample: { type: 'text', in: 'test' }
} as const satisfies CredentialTable

/** A number as a form or a flow file has it: its default where it is empty, NaN where it is a variable. */
export function numberOf(
  value: ReadValue,
  name: 'contentDays' | 'failureTimeout' | 'journalDays' | 'retryInterval' | 'retryMaxInterval'
): number {
  const given = value(name)
  const isEmpty = given === undefined || (typeof given === 'string' && given.trim() === '')
  return isEmpty ? outProperties[name].default : Number(given)
}
