import { EventEmitter } from 'node:events'
import util from '@node-red/util'
import type { NodeAPI } from 'node-red'
import loadAuthNode from '../../nodes/oauth2-client-credentials.ts'
import { readOutSettings, type OutSettings } from '../../nodes/settings/read-out-settings.ts'

type Properties = Record<string, unknown>

/** What a sending node makes of its properties: settings, or what is wrong, as users read it. */
export interface ReadSettings {
  settings: OutSettings | undefined
  /** One text, or empty. */
  problems: string
}

/**
 * Reads the properties of the two nodes of a hand-written flow, as Node-RED has them do it.
 *
 * @param out properties of the sending node, with `credentials` among them
 * @param auth properties of its config node `auth`
 * @param more what else is in the flow, by id, and `settings` of settings.js
 */
export function readSettings(
  out: Properties,
  auth: Properties = {},
  { others = {}, settings = {} }: { others?: Record<string, object>; settings?: Properties } = {}
): ReadSettings {
  const nodes = new Map(Object.entries(others))
  type Construct = (this: object, config: object) => void
  let construct: Construct | undefined
  const RED = {
    util: util.util,
    settings,
    events: new EventEmitter(),
    httpAdmin: { post: () => undefined },
    auth: { needsPermission: () => undefined },
    nodes: {
      createNode: () => undefined,
      registerType: (_type: string, node: Construct) => (construct = node),
      eachNode: () => undefined,
      getNode: (id: string) => nodes.get(id) ?? null
    }
  } as unknown as NodeAPI
  loadAuthNode(RED)
  const node = Object.assign(new EventEmitter(), {
    ...{ id: 'auth', error: () => undefined, warn: () => undefined },
    credentials: { clientId: 'a', clientSecret: 'b', ...(auth['credentials'] as object) }
  })
  nodes.set('auth', node)
  construct?.call(node, { tokenEndpoint: 'https://login.example/token', ...auth })
  const { credentials = {}, ...config } = { url: 'https://hl7.example/', auth: 'auth', ...out }
  const read = readOutSettings(RED, null, {
    ...{ config, written: config, credentials }
  })
  node.emit('close', false, () => undefined)
  return { settings: read.settings, problems: read.problems.join('; ') }
}
