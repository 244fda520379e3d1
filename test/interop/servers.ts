import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Certificate } from '../support/certificates.ts'
import { PYTHON } from '../support/debian-packages.ts'
import { freePort } from '../support/free-port.ts'

const NGINX = '/usr/sbin/nginx'
export const APACHE = '/usr/sbin/apache2'
const HAPROXY = '/usr/sbin/haproxy'
export const APACHE_MODULES = '/usr/lib/apache2/modules'

/** A server in a separate process. */
export interface ServerProcess {
  port: number
  stop(): Promise<void>
}

/** What python-hl7 found in a request. */
export interface Seen {
  charset: string
  type: string
  forwarded: string | null
  subject: string | null
  bytes: number
  messages: { id: string; type: string; segments: string[]; family: string }[]
}

/** A server in Python that prints its port, then a line of JSON for each request. */
export interface PythonServer<Line> extends ServerProcess {
  /** The lines of all requests that it has answered: they come by another way than the answers. */
  seen(): Promise<readonly Line[]>
}

/** A receiver that reads HL7 with python-hl7. */
export type PythonReceiver = PythonServer<Seen>

/** Starts receiver.py. */
export function startPythonReceiver(): Promise<PythonReceiver> {
  return startPython('receiver.py')
}

/** Starts a script in this directory. */
export async function startPython<Line>(
  script: string,
  ...args: string[]
): Promise<PythonServer<Line>> {
  const directory = dirname(fileURLToPath(import.meta.url))
  const { child, words } = run(PYTHON, ['-B', join(directory, script), ...args])
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const port = await new Promise<number>((resolve, reject) => {
    lines.once('line', (line) => {
      resolve((JSON.parse(line) as { port: number }).port)
    })
    child.once('close', () => {
      reject(new Error(words.join('')))
    })
  })
  const seen: Line[] = []
  const marks: (() => void)[] = []
  lines.on('line', (line) => {
    const value = JSON.parse(line) as Line | { mark: number }
    if (typeof value === 'object' && value !== null && 'mark' in value) marks[value.mark]?.()
    else seen.push(value)
  })
  return {
    port,
    async seen() {
      const printed = new Promise<void>((resolve) => marks.push(resolve))
      await fetch(`http://127.0.0.1:${port}/mark/${marks.length - 1}`)
      await printed
      return seen
    },
    stop: () => stop(child)
  }
}

/**
 * Starts nginx with TLS in front of a local server.
 *
 * @param more directives for its `server` block
 */
export function startNginx(
  tls: Certificate,
  upstream: number,
  more: (directory: string) => string
): Promise<ServerProcess> {
  return startConfigured(tls, (directory, port) => ({
    program: NGINX,
    args: ['-p', directory, '-c', 'server.conf', '-e', 'stderr'],
    config: `
daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate server.crt;
    ssl_certificate_key server.key;
    ${more(directory)}
    location / {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Client-Subject $ssl_client_s_dn;
    }
  }
}
`
  }))
}

/**
 * Starts Apache with TLS and token checks in front of a local server: `/openidc` uses
 * mod_auth_openidc, `/oauth2` mod_oauth2, and `/other` requires another audience. `/late` asks for a client certificate after the handshake.
 *
 * @param protocol TLS, as Apache names its versions
 */
export function startApache(
  tls: Certificate,
  upstream: number,
  token: { jwksUri: string; audience: string },
  ca: string,
  protocol: 'all' | 'TLSv1.2' = 'all'
): Promise<ServerProcess> {
  const modules = [
    ...['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'headers', 'proxy', 'proxy_http'],
    ...['ssl', 'auth_openidc', 'oauth2']
  ]
  const toUpstream = `
  ProxyPass http://127.0.0.1:${upstream}/
  RequestHeader set X-Remote-User expr=%{REMOTE_USER}
  RequestHeader set X-Forwarded-Proto https`
  return startConfigured(tls, (directory, port) => ({
    program: APACHE,
    args: ['-d', directory, '-f', 'server.conf', '-D', 'FOREGROUND'],
    files: { 'ca.crt': ca },
    config: `
ServerRoot ${directory}
DefaultRuntimeDir ${directory}
PidFile ${directory}/apache.pid
ErrorLog ${directory}/error.log
LogLevel warn
${modules.map((name) => `LoadModule ${name}_module ${APACHE_MODULES}/mod_${name}.so`).join('\n')}
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
SSLCACertificateFile ${directory}/ca.crt
SSLProtocol ${protocol}
OIDCOAuthVerifyJwksUri ${token.jwksUri}
OIDCOAuthSSLValidateServer Off
OIDCOAuthRemoteUserClaim client_id
OIDCCryptoPassphrase only-for-this-test
OAuth2TokenVerify jwks_uri ${token.jwksUri} jwks_uri.ssl_verify=false
OAuth2TargetPass remote_user_claim=client_id
<Location /openidc>
  AuthType oauth20
  Require claim aud:${token.audience}
  ${toUpstream}
</Location>
<Location /other>
  AuthType oauth20
  Require claim aud:https://somebody-else.example
  ${toUpstream}
</Location>
<Location /late>
  SSLVerifyClient require
  SSLVerifyDepth 2
  ${toUpstream}
</Location>
<Location /oauth2>
  AuthType oauth2
  Require oauth2_claim aud:${token.audience}
  ${toUpstream}
</Location>
`
  }))
}

/** HAProxy, which can be told to do something while it runs. */
export interface HaproxyProcess extends ServerProcess {
  /** Takes the server behind it out of service: it answers 503. */
  setServer(state: 'ready' | 'maint'): Promise<void>
  /** Requests to it so far. */
  requests(): Promise<number>
}

/** A command of HAProxy. @returns what it says */
async function tellHaproxy(socket: string, line: string): Promise<string> {
  const connection = connect(socket)
  connection.end(`${line}\n`)
  return text(connection)
}

/** A figure of its frontend. */
async function figureOf(socket: string, name: string): Promise<number> {
  const [names = '', front = ''] = (await tellHaproxy(socket, 'show stat front 1 -1')).split('\n')
  return Number(front.split(',')[names.split(',').indexOf(name)])
}

/** HAProxy that only terminates TLS. */
export interface TerminatorProcess extends ServerProcess {
  /** Connections to it so far. */
  connections(): Promise<number>
}

/**
 * Starts HAProxy with TLS in front of a local server, whose protocol it does not know: if there is
 * nothing behind it, it ends each connection after the handshake.
 */
export async function startTerminator(
  tls: Certificate,
  upstream: number
): Promise<TerminatorProcess> {
  let socket = ''
  const server = await startConfigured(tls, (directory, port) => {
    socket = join(directory, 'admin')
    return {
      program: HAPROXY,
      args: ['-db', '-f', join(directory, 'server.conf')],
      files: { 'server.crt.key': tls.key },
      config: `
global
  stats socket ${socket} level admin
defaults
  mode tcp
  retries 0
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend front
  bind 127.0.0.1:${port} ssl crt ${directory}/server.crt
  default_backend back
backend back
  server receiver 127.0.0.1:${upstream}
`
    }
  })
  return { ...server, connections: () => figureOf(socket, 'conn_tot') }
}

/**
 * Starts HAProxy with TLS in front of a local server. To `/busy` it answers 503 itself, with `Retry-After`.
 *
 * @param bind how it asks for a client certificate: options after `ssl`
 * @param keepAliveMs how long a connection may be idle
 */
export async function startHaproxy(
  tls: Certificate,
  upstream: number,
  ca: string,
  { bind = '', keepAliveMs }: { bind?: string; keepAliveMs: number }
): Promise<HaproxyProcess> {
  let socket = ''
  const server = await startConfigured(tls, (directory, port) => {
    socket = join(directory, 'admin')
    return {
      program: HAPROXY,
      args: ['-db', '-f', join(directory, 'server.conf')],
      files: { 'ca.crt': ca, 'server.crt.key': tls.key },
      config: `
global
  stats socket ${socket} level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  timeout http-keep-alive ${keepAliveMs}ms
frontend front
  bind 127.0.0.1:${port} ssl crt ${directory}/server.crt ca-file ${directory}/ca.crt ${bind}
  http-request return status 503 hdr Retry-After 30 if { path /busy }
  default_backend back
backend back
  server receiver 127.0.0.1:${upstream}
`
    }
  })
  return {
    ...server,
    async setServer(state) {
      await tellHaproxy(socket, `set server back/receiver state ${state}`)
    },
    requests: () => figureOf(socket, 'req_tot')
  }
}

/** Starts a server with TLS whose files are in a directory of its own. */
export async function startConfigured(
  tls: Certificate,
  configure: (
    directory: string,
    port: number
  ) => { program: string; args: string[]; config: string; files?: Record<string, string> }
): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'hl7-interop-'))
  mkdirSync(join(directory, 'logs'))
  writeFileSync(join(directory, 'server.crt'), tls.cert)
  writeFileSync(join(directory, 'server.key'), tls.key, { mode: 0o600 })
  const port = await freePort()
  const { program, args, config, files = {} } = configure(directory, port)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  writeFileSync(join(directory, 'server.conf'), config)
  const { child, words } = run(program, args)
  const remove = () => {
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await answering(port, child)
  } catch (error) {
    await stop(child)
    const log = join(directory, 'error.log')
    if (existsSync(log)) words.push(readFileSync(log, 'utf8'))
    remove()
    throw new Error(`${program} did not start:\n${words.join('')}`, { cause: error })
  }
  return {
    port,
    async stop() {
      await stop(child)
      remove()
    }
  }
}

/** Starts a program; `words` is what it says on standard error. It ends with this process. */
export function run(program: string, args: string[]): { child: ChildProcess; words: string[] } {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const words: string[] = []
  child.stderr.on('data', (chunk: Buffer) => words.push(chunk.toString()))
  child.on('error', (error) => words.push(error.message))
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('close', () => process.off('exit', kill))
  return { child, words }
}

/** Ends a program, if it still runs. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await closed
  clearTimeout(timer)
}

/** Waits until a program accepts connections. */
export async function answering(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended')
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => {
        resolve(false)
      })
    })
    if (connected) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('it does not answer')
}
