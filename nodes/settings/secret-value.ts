import { isAbsolute } from 'node:path'
import type { NodeAPI } from 'node-red'
import { english } from '../../src/english.ts'
import { SecretFile, secretPath, type Secret } from '../../src/secret-file.ts'
import type { Properties } from './properties.ts'
import type { PropertyTable } from './property-table.ts'
import { allowsSecretFiles, setting } from './settings-js.ts'

/**
 * What a secret is, decided here and nowhere else: itself, or the file that holds it, which is read whenever the secret
 * is used.
 *
 * @param text as Node-RED gives it, with variables in place
 * @param addProblem gets why a file cannot be used
 */
export function secretOf(
  RED: NodeAPI,
  text: string,
  addProblem: (sentence: string) => void
): Secret {
  const path = secretPath(text)
  if (path === undefined) return text
  if (!allowsSecretFiles(RED)) addProblem(english('log', 'problem.secretFiles'))
  else if (!isAbsolute(path)) addProblem(english('log', 'problem.secretPath'))
  return new SecretFile(path)
}

/** The same for a secret of a node. */
export function readSecretValue<Table extends PropertyTable>(
  RED: NodeAPI,
  properties: Properties<Table>,
  name: keyof Table & string
): Secret {
  const given = properties.read(name)
  const isFile = typeof given === 'string' && secretPath(given) !== undefined
  const text = isFile ? given : properties.text(name)
  return secretOf(RED, text, (sentence) => {
    properties.addProblem(name, sentence)
  })
}

/**
 * What settings.js or its variable say of the queue key, unchecked. Who writes these may read files anyway: that secrets
 * in files are turned off is for those who edit flows.
 */
export function queueKeySetting(RED: NodeAPI): unknown {
  const given = setting(RED, 'hl7HttpsOutQueueKey')
  const path = typeof given === 'string' ? secretPath(given) : undefined
  return path === undefined ? given : new SecretFile(path)
}
