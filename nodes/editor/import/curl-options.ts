/** One option of a command, by its long name without hyphens; `url` is also what stands alone. */
export interface CurlOption {
  name: string
  /** As it was written. */
  written: string
  /** Empty for a flag. */
  value: string
}

/** Long names of the short options that are read; those with a value first. */
const SHORT: Readonly<Record<string, string>> = {
  A: 'user-agent',
  b: 'cookie',
  c: 'cookie-jar',
  C: 'continue-at',
  d: 'data',
  D: 'dump-header',
  e: 'referer',
  E: 'cert',
  F: 'form',
  H: 'header',
  K: 'config',
  m: 'max-time',
  o: 'output',
  P: 'ftp-port',
  Q: 'quote',
  r: 'range',
  t: 'telnet-option',
  T: 'upload-file',
  u: 'user',
  U: 'proxy-user',
  w: 'write-out',
  x: 'proxy',
  X: 'request',
  y: 'speed-time',
  Y: 'speed-limit',
  z: 'time-cond',
  f: 'fail',
  g: 'globoff',
  G: 'get',
  i: 'include',
  I: 'head',
  j: 'junk-session-cookies',
  k: 'insecure',
  L: 'location',
  N: 'no-buffer',
  n: 'netrc',
  O: 'remote-name',
  p: 'proxytunnel',
  q: 'disable',
  s: 'silent',
  S: 'show-error',
  v: 'verbose',
  '0': 'http1.0',
  '1': 'tlsv1',
  '4': 'ipv4',
  '6': 'ipv6',
  '#': 'progress-bar',
  ':': 'next'
}

/** The options that have a value (curl 8). */
const WITH_VALUE = new Set(
  `abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout connect-to
  continue-at cookie cookie-jar create-file-mode crlfile curves data data-ascii data-binary data-raw data-urlencode
  delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header ech egd-file engine
  etag-compare etag-save expand-data expand-header expand-url expand-user expect100-timeout form form-string ftp-port
  happy-eyeballs-timeout-ms haproxy-clientip header hostpubmd5 hsts interface ip-tos ipfs-gateway json keepalive-time
  keepalive-cnt key key-type krb libcurl limit-rate local-port login-options max-filesize max-redirs max-time
  netrc-file noproxy oauth2-bearer output output-dir parallel-max pass pinnedpubkey preproxy proto proto-default
  proto-redir proxy proxy-cacert proxy-cert proxy-header proxy-key proxy-pass proxy-user proxy1.0 pubkey quote
  random-file range rate referer request request-target resolve retry retry-delay retry-max-time sasl-authzid
  service-name socks4 socks4a socks5 socks5-gssapi-service socks5-hostname speed-limit speed-time stderr
  telnet-option time-cond tls-max tls13-ciphers tlspassword tlsuser trace trace-ascii trace-config unix-socket
  upload-file upload-flags url url-query user user-agent variable vlan-priority write-out`.split(
    /\s+/
  )
)

/** Reads the options of a command from its words. */
export function curlOptions(words: readonly string[]): CurlOption[] {
  const options: CurlOption[] = []
  const rest = words.values()
  let onlyUrls = false
  for (const word of rest) {
    if (onlyUrls || word === '-' || !word.startsWith('-')) {
      options.push({ name: 'url', written: 'URL', value: word })
    } else if (word === '--') {
      onlyUrls = true
    } else if (word.startsWith('--')) {
      options.push(longOption(word, rest))
    } else {
      for (const option of shortOptions(word, rest)) options.push(option)
    }
  }
  return options
}

function longOption(word: string, rest: Iterator<string>): CurlOption {
  const [, name = '', value] = /^--([^=]*)(?:=([^]*))?$/.exec(word) ?? []
  const written = `--${name}`
  if (!WITH_VALUE.has(name)) return { name, written, value: value ?? '' }
  return { name, written, value: value ?? nextOf(rest) }
}

/** Several flags may stand together, the last with a value: `-sXPOST`. */
function shortOptions(word: string, rest: Iterator<string>): CurlOption[] {
  const options: CurlOption[] = []
  for (let at = 1; at < word.length; at += 1) {
    const letter = word[at] ?? ''
    const name = SHORT[letter] ?? letter
    const written = `-${letter}`
    if (!WITH_VALUE.has(name)) {
      options.push({ name, written, value: '' })
      continue
    }
    const attached = word.slice(at + 1)
    options.push({ name, written, value: attached === '' ? nextOf(rest) : attached })
    break
  }
  return options
}

/** The word behind an option; empty if the command ends there. */
function nextOf(words: Iterator<string>): string {
  const next = words.next()
  return next.done === true ? '' : next.value
}
