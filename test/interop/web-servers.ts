import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Certificate } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { answering, run, type ServerProcess, startConfigured, startNginx, stop } from './servers.ts'

const here = dirname(fileURLToPath(import.meta.url))

/**
 * Starts nginx with PHP behind it: a registry that takes a form.
 *
 * @param postMaxBytes `post_max_size`
 */
export async function startPhp(tls: Certificate, postMaxBytes: number): Promise<ServerProcess> {
  const port = await freePort()
  const settings = [`post_max_size=${postMaxBytes}`, 'display_errors=0', 'cgi.fix_pathinfo=0']
  const { child } = run('/usr/bin/php-cgi', [
    '-n',
    ...['-b', `127.0.0.1:${port}`],
    ...settings.flatMap((setting) => ['-d', setting])
  ])
  await answering(port, child)
  const nginx = await startNginx(
    tls,
    port,
    () => `location = /registry {
      fastcgi_pass 127.0.0.1:${port};
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME ${join(here, 'registry.php')};
    }`
  )
  return {
    port: nginx.port,
    async stop() {
      await nginx.stop()
      await stop(child)
    }
  }
}

/**
 * Starts a receiver with the HTTPS server of the JDK. Its acknowledgement has the query in MSA-3.
 *
 * @param options of Java
 */
export function startJdk(tls: Certificate, ...options: string[]): Promise<ServerProcess> {
  return startConfigured(tls, (directory, port) => ({
    program: '/usr/bin/java',
    args: [
      ...options,
      join(here, 'Receiver.java'),
      ...[String(port), join(directory, 'server.crt'), join(directory, 'server.key')]
    ],
    config: ''
  }))
}

/** Starts nghttpx with TLS in front of a local server. */
export function startNghttpx(tls: Certificate, upstream: number): Promise<ServerProcess> {
  return startConfigured(tls, (directory, port) => ({
    program: '/usr/sbin/nghttpx',
    args: [
      `--conf=${directory}/server.conf`,
      ...[`--frontend=127.0.0.1,${port}`, `--backend=127.0.0.1,${upstream}`, '--workers=1'],
      '--no-ocsp',
      ...[join(directory, 'server.key'), join(directory, 'server.crt')]
    ],
    config: ''
  }))
}
