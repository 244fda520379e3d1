/** The part of oidc-provider 9 that the demo uses; the package has no types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http'

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>)
    callback(): RequestListener
  }

  export const errors: {
    InvalidScope: new (description: string, scope: string) => Error
  }
}
