import { readFileSync } from 'node:fs'
import type { Certificate } from '../support/certificates.ts'
import { APACHE, APACHE_MODULES, type ServerProcess, startConfigured } from './servers.ts'

const DEBIAN = '/etc/modsecurity'
const MODULES = ['authz_core', 'mpm_event', 'proxy', 'proxy_http', 'security2', 'ssl', 'unique_id']
/** What rule 920420 of the Core Rule Set lets pass by default. */
const TYPES = [
  ...['application/x-www-form-urlencoded', 'multipart/form-data', 'text/xml', 'application/xml'],
  ...['application/soap+xml', 'application/json']
]

/**
 * Starts Apache with mod_security and the OWASP Core Rule Set in front of local servers. Both are as
 * Debian configures them, but refuse what they find, where Debian only writes it into a log.
 *
 * @param behind the URL behind each path
 * @param more content types that its operator has added
 */
export function startFirewall(
  tls: Certificate,
  behind: Readonly<Record<string, string>>,
  more: readonly string[] = []
): Promise<ServerProcess> {
  return startConfigured(tls, (directory, port) => ({
    program: APACHE,
    args: ['-d', directory, '-f', 'server.conf', '-D', 'FOREGROUND'],
    files: {
      // Its log, and a file that it expects beside it.
      'modsecurity.conf': readFileSync(`${DEBIAN}/modsecurity.conf-recommended`, 'utf8')
        .replace('/var/log/apache2', directory)
        .replace('SecUnicodeMapFile ', `SecUnicodeMapFile ${DEBIAN}/`)
    },
    config: `
ServerRoot ${directory}
DefaultRuntimeDir ${directory}
PidFile ${directory}/apache.pid
ErrorLog ${directory}/error.log
${MODULES.map((name) => `LoadModule ${name}_module ${APACHE_MODULES}/mod_${name}.so`).join('\n')}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
SSLEngine on
SSLCertificateFile ${directory}/server.crt
SSLCertificateKeyFile ${directory}/server.key
Include ${directory}/modsecurity.conf
SecRuleEngine On
SecTmpDir ${directory}
SecDataDir ${directory}
SecAction "id:900220,phase:1,nolog,pass,setvar:'tx.allowed_request_content_type=${[...TYPES, ...more].map((type) => `|${type}|`).join(' ')}'"
Include /usr/share/modsecurity-crs/owasp-crs.load
${Object.entries(behind)
  .map(([path, url]) => `ProxyPass ${path} ${url}`)
  .join('\n')}
`
  }))
}
