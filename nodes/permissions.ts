import type { Request, Response } from 'express'
import type { NodeAPI } from 'node-red'

/**
 * Whether the caller of an admin route has a permission beyond the one that the route itself
 * requires; without `adminAuth` everybody has all. Node-RED writes a refusal to its audit log, as
 * for every route.
 *
 * @param permission such as `flows.write`
 */
export function holdsPermission(
  RED: NodeAPI,
  request: Request<Record<string, string>>,
  permission: string
): Promise<boolean> {
  return new Promise((resolve) => {
    // Node-RED's check is a middleware that answers if it refuses. Here the response goes nowhere:
    // whatever it does with the response means no.
    const refusal: object = new Proxy(
      {},
      {
        get: () => () => {
          resolve(false)
          return refusal
        },
        set: () => true
      }
    )
    RED.auth.needsPermission(permission)(request, refusal as Response, (error?: unknown) => {
      resolve(error === undefined)
    })
  })
}
