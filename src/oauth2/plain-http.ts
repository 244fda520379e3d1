import * as openid from 'openid-client'

/**
 * openid-client's switch that lets it use `http:` at all. Which addresses are safe is decided by
 * our own fetch, by an exact rule (loopback). The type here is written out because the original is
 * marked as deprecated, to make it stand out.
 */
export const { allowInsecureRequests: allowPlainHttp } = openid as unknown as {
  allowInsecureRequests: (configuration: openid.Configuration) => void
}
