import type { Node, NodeAPI } from 'node-red'
import { authParts } from './auth-parts.ts'
import type { FindConfigNode } from './connection.ts'
import { formSource, members } from './node-source.ts'
import { makeAuthParts, type MadeAuthParts } from './make-auth-parts.ts'
import { tlsConfigOf } from './tls-config.ts'

/**
 * The config nodes for a test of a form: those that came along with it, as they stand in the editor,
 * in place of the deployed ones with their ids.
 */
export class FormConfigNodes {
  readonly #RED: NodeAPI
  readonly #given: ReadonlyMap<unknown, Readonly<Record<string, unknown>>>
  readonly #standIns = new Map<string, Node>()
  readonly #opened: MadeAuthParts[] = []

  /** @param given as a flow file has them, `credentials` inside; of a request, of any type */
  constructor(RED: NodeAPI, given: unknown) {
    const nodes: unknown[] = Array.isArray(given) ? given : []
    this.#RED = RED
    this.#given = new Map(nodes.map(members).map((node) => [node['id'], node]))
  }

  readonly find: FindConfigNode = (id) => {
    const given = this.#given.get(id)
    if (given === undefined) return this.#RED.nodes.getNode(id)
    if (given['d'] === true) return null
    return this.#standIns.get(id) ?? this.#make(id, given)
  }

  /** What stands in for a deployed one: all that our nodes use of it. */
  #make(id: string, given: Readonly<Record<string, unknown>>): Node {
    const { type } = given
    const deployed = this.#RED.nodes.getNode(id) as Node | null
    // Do not use the credentials of another node, whatever their names.
    const node = deployed?.type === type ? deployed : null
    const source = formSource(this.#RED, node, given, 'changed')
    const { config, credentials } = source
    if (type === 'tls-config') return tlsConfigOf(this.#RED, node, config, credentials) as never
    if (type === 'http proxy') return { ...config, credentials } as never
    const standIn = { type } as unknown as Node
    // Before its own config nodes are read: it may name itself.
    this.#standIns.set(id, standIn)
    if (type === 'oauth2-client-credentials') {
      const made = makeAuthParts(this.#RED, node, source, this.find)
      authParts.set(standIn, made.parts)
      this.#opened.push(made)
    }
    return standIn
  }

  /** Closes the connections that they opened. */
  close(): void {
    for (const made of this.#opened) made.close()
  }
}
