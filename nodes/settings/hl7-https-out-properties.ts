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
const hasBackup = (value: ReadValue): boolean => String(value('backupUrl')).trim() !== ''
/** A message may give a value. */
const VALUE_TYPES = ['str', 'env', 'cred', 'msg', 'jsonata', 'hl7'] as const

/** The tabs of the form. */
export const outTabs = {
  destination: ['destination', 'backup', 'access', 'test', 'more'],
  message: ['message', 'body', 'secrets'],
  reply: ['rules', 'reply'],
  delivery: ['delivery', 'retries', 'timeouts', 'queue']
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
  auth: {
    kind: 'node',
    type: 'oauth2-client-credentials',
    default: '',
    in: 'access',
    icon: 'key'
  },

  contact: {
    kind: 'text',
    default: '',
    in: 'more',
    icon: 'phone',
    example: 'HL7 service desk, +1 555 0100'
  },
  tls: { kind: 'node', type: 'tls-config', default: '', in: 'more', icon: 'lock' },
  proxy: { kind: 'node', type: 'http proxy', default: '', in: 'more', icon: 'random' },
  method: {
    kind: 'choice',
    words: ['POST', 'PUT'],
    default: 'POST',
    in: 'more',
    icon: 'tasks'
  },
  tokenPlacement: {
    kind: 'choice',
    words: ['header', 'body', 'query'],
    default: 'header',
    in: 'more',
    icon: 'id-badge',
    when: names('auth')
  },
  authHeader: {
    kind: 'text',
    default: 'Authorization',
    in: 'more',
    example: 'Authorization',
    when: tokenIsHeader
  },
  authScheme: { kind: 'text', default: 'Bearer', in: 'more', when: tokenIsHeader },

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
  contentType: { kind: 'text', default: '', in: 'body' },
  charset: {
    kind: 'text',
    default: 'auto',
    usual: ['auto', 'utf-8', 'us-ascii', 'iso-8859-1', 'iso-8859-15', 'windows-1252', 'gb18030'],
    in: 'body',
    icon: 'font'
  },
  formFields: {
    kind: 'list',
    names: 'any',
    types: VALUE_TYPES,
    default: [],
    in: 'body',
    icon: 'list',
    when: packs
  },
  headers: {
    kind: 'list',
    names: 'header',
    types: VALUE_TYPES,
    default: [],
    in: 'body',
    icon: 'list'
  },

  replyCodeActions: { kind: 'text', default: '', in: 'rules' },
  replyPath: { kind: 'text', expression: true, default: '', in: 'reply', icon: 'search' },
  replyEncoding: {
    kind: 'choice',
    words: ['auto', 'text', 'base64'],
    default: 'auto',
    in: 'reply'
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
  maxPerSecond: {
    kind: 'number',
    default: 0,
    min: 0,
    max: 10_000,
    in: 'delivery',
    unit: 'perSecond'
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
  failureTimeout: {
    kind: 'number',
    default: 900,
    min: 0,
    also: -1,
    usual: [-1, 0],
    in: 'retries',
    unit: 'seconds'
  },
  failWhileUnreachable: {
    kind: 'flag',
    default: false,
    in: 'retries',
    when: (value) => Number(value('failureTimeout')) > 0
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
  applicationAckTimeout: {
    kind: 'number',
    default: 600,
    min: 0.001,
    max: 2_592_000,
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
  keepContents: {
    kind: 'choice',
    words: ['refused', 'all', 'none'],
    default: 'refused',
    in: 'queue',
    when: isOnDisk,
    // Version 0.3 had the days alone.
    earlier: ({ contentDays }) =>
      contentDays === undefined ? undefined : Number(contentDays) === 0 ? 'none' : 'all'
  },
  contentDays: {
    kind: 'number',
    default: 7,
    min: 0,
    max: 3650,
    in: 'queue',
    unit: 'daysKept',
    when: keepsContents
  },
  searchFields: { kind: 'text', default: '', in: 'queue', when: isOnDisk },
  queueCountAlert: {
    kind: 'number',
    integer: true,
    default: 0,
    min: 0,
    in: 'queue',
    icon: 'bell-o',
    unit: 'messagesWait'
  },
  queueWaitAlert: { kind: 'number', default: 0, min: 0, in: 'queue', unit: 'secondsWait' },
  callAfter: { kind: 'number', default: 300, min: 0, in: 'queue', unit: 'secondsStuck' },
  inactivityAlert: { kind: 'number', default: 0, min: 0, in: 'queue', unit: 'secondsQuiet' },
  inactivityTimes: {
    kind: 'text',
    default: '',
    in: 'queue',
    example: 'Mon-Fri 07:00-19:00, Sat 08:00-12:00',
    when: (value) => Number(value('inactivityAlert')) > 0
  }
} as const satisfies PropertyTable

/** `sample` is there to be shown: it is sealed because people paste messages with patients. */
export const outCredentials = {
  ...SECRETS,
  sample: { type: 'text', in: 'test' }
} as const satisfies CredentialTable
