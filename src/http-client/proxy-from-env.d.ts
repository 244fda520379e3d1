declare module 'proxy-from-env' {
  /** URL of the proxy that the environment sets for a target, or `''`. */
  export function getProxyForUrl(url: string): string
}
