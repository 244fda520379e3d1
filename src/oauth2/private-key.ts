import { createPrivateKey, type KeyObject } from 'node:crypto'

/** Of the text of a key, in characters: one of RSA with 16384 bits has 13 thousand, certificates come on top. */
const MAX_TEXT = 64 * 1024

/** Why a private key cannot be used, in words for the form. */
export interface PrivateKeyProblem {
  problem: string
}

export function isPrivateKeyProblem(key: KeyObject | PrivateKeyProblem): key is PrivateKeyProblem {
  return 'problem' in key
}

/**
 * Reads a private key in any PEM form (PKCS#1, PKCS#8, SEC1, encrypted too). A key whose lines were
 * lost on the way through an environment variable or a YAML file (`\n` or `\r\n` as characters,
 * blanks, quotes, indents) is read as well.
 *
 * @param passphrase empty for a key that is not encrypted
 */
export function readPrivateKey(pem: string, passphrase: string): KeyObject | PrivateKeyProblem {
  if (pem.length > MAX_TEXT) {
    return { problem: 'Private key: longer than 64 KiB, which no private key is.' }
  }
  const text = restoreLines(pem)
  if (!text.includes('-----BEGIN ')) {
    return { problem: 'Private key: not PEM text (-----BEGIN … PRIVATE KEY-----).' }
  }
  if (!text.includes('PRIVATE KEY-----')) {
    return { problem: 'Private key: this is a certificate or a public key, not the private key.' }
  }
  const encrypted = text.includes('BEGIN ENCRYPTED ') || text.includes('ENCRYPTED\n')
  if (encrypted && passphrase === '') {
    return { problem: 'Fill in Passphrase: the private key is encrypted.' }
  }
  try {
    return createPrivateKey(passphrase === '' ? text : { key: text, passphrase })
  } catch {
    // What OpenSSL says ("bad decrypt", "wrong tag") tells a user less.
    return {
      problem: encrypted
        ? 'Private key: cannot be decrypted; the passphrase is wrong or the key is damaged.'
        : 'Private key: cannot be read; the PEM text is damaged or of an unknown kind.'
    }
  }
}

/**
 * The first private key of a text, in lines as OpenSSL wants them: without what pasting, quoting and
 * indenting put between them.
 */
function restoreLines(pem: string): string {
  const text = pem.replace(/\\[nr]/g, '\n')
  const key = firstKey(text)
  if (key === undefined) return text
  const { kind, body } = key
  // How a PKCS#1 or SEC1 key says that it is encrypted (RFC 1421 §4.6.1).
  const [before = '', cipher] =
    /^\s*Proc-Type:\s*4,ENCRYPTED\s+DEK-Info:\s*([\w-]+,[\dA-F]+)\s/.exec(body) ?? []
  return [
    `-----BEGIN ${kind}-----`,
    ...(cipher === undefined ? [] : ['Proc-Type: 4,ENCRYPTED', `DEK-Info: ${cipher}`, '']),
    ...(body
      .slice(before.length)
      .replace(/\s/g, '')
      .match(/.{1,64}/g) ?? []),
    `-----END ${kind}-----`,
    ''
  ].join('\n')
}

/** The first private key that ends as it began, found in one pass. */
function firstKey(text: string): { kind: string; body: string } | undefined {
  const begun = new Map<string, number>()
  for (const { 0: line, 1: word, 2: kind = '', index } of text.matchAll(
    /-----(BEGIN|END) ([A-Z ]{0,30}PRIVATE KEY)-----/g
  )) {
    const from = begun.get(kind)
    if (word === 'END' && from !== undefined) return { kind, body: text.slice(from, index) }
    if (word === 'BEGIN' && from === undefined) begun.set(kind, index + line.length)
  }
  return undefined
}
