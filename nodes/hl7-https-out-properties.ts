import {
  choice,
  is,
  list,
  names,
  text,
  type PropertyTable,
  type ReadValue
} from './property-table.ts'

const tokenIsHeader = (value: ReadValue): boolean =>
  names('auth')(value) && is('tokenPlacement', 'header')(value)
const isMultipart = is('format', 'multipart')
const hasMessageField = is('format', 'form', 'multipart')
const hasTemplate = is('format', 'json', 'text')
const packs = is('format', 'form', 'multipart', 'json', 'text')
const seconds = { kind: 'number', min: 0.001, max: 86_400 } as const
const isOnDisk = is('queue', 'disk')
const count = { kind: 'number', integer: true } as const

/** The properties of `hl7-https-out`. Times are in seconds. */
export const outProperties = {
  name: text(),
  url: text(),
  method: choice(['POST', 'PUT']),
  auth: text(),
  tokenPlacement: choice(['header', 'body', 'query'], names('auth')),
  authHeader: text('Authorization', tokenIsHeader),
  authScheme: text('Bearer', tokenIsHeader),
  tls: text(),
  proxy: text(),
  format: choice(['raw', 'mllp', 'form', 'multipart', 'json', 'text']),
  contentType: text(),
  charset: text('auto'),
  bodyField: text('message', hasMessageField),
  bodyFileName: text('message.hl7', isMultipart),
  bodyPartType: text('text/plain', isMultipart),
  bodyEncoding: choice(['text', 'base64'], packs),
  bodyTemplate: text('', hasTemplate),
  formFields: list(packs),
  headers: list(),
  replyPath: text(),
  replyEncoding: choice(['auto', 'text', 'base64']),
  replyCodeActions: text(),
  retryInterval: { ...seconds, default: 5 },
  retryMaxInterval: { ...seconds, default: 60 },
  failureTimeout: { kind: 'number', default: 900, min: 0, also: -1 },
  failWhileUnreachable: {
    kind: 'flag',
    default: false,
    when: (value) => Number(value('failureTimeout')) > 0
  },
  connectTimeout: { ...seconds, default: 5, max: 3600 },
  responseTimeout: { ...seconds, default: 30 },
  applicationAckTimeout: { ...seconds, default: 600, max: 2_592_000 },
  order: choice(['fifo', 'key', 'none']),
  orderKey: text('PID-3.1', is('order', 'key')),
  maxInFlight: { ...count, default: 8, min: 1, max: 1000, when: is('order', 'key', 'none') },
  maxPerSecond: { kind: 'number', default: 0, min: 0, max: 10_000 },
  queue: choice(['disk', 'memory']),
  queueLimit: { ...count, default: 100_000, min: 1 },
  journalDays: { kind: 'number', default: 14, min: 0, max: 3650 },
  contentDays: { kind: 'number', default: 0, min: 0, max: 3650, when: isOnDisk },
  searchFields: text('', isOnDisk),
  queueCountAlert: { ...count, default: 0, min: 0 },
  queueWaitAlert: { kind: 'number', default: 0, min: 0 }
} as const satisfies PropertyTable
