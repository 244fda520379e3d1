/** What stands in place of something secret. */
const HIDDEN = '•••'
/** Pieces of a secret this long are hidden too: servers cut what they echo. */
const PIECE = 6
const MAX_INPUT = 1000
const MAX_OUTPUT = 300

/**
 * A server's text, fit for a log: one line, printable, at most 300 characters, without any of the
 * secrets, a part of them, or whatever else looks like a token.
 *
 * @param secrets what was sent to the server, in each form that it could echo
 */
export function cleanText(text: string, secrets: readonly string[]): string {
  const printable = text
    .slice(0, MAX_INPUT)
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
  const cleaned = hideTokens(hideSecrets(printable, secrets))
  return cleaned.length > MAX_OUTPUT ? `${cleaned.slice(0, MAX_OUTPUT - 1)}…` : cleaned
}

function hideSecrets(text: string, secrets: readonly string[]): string {
  const hidden = new Uint8Array(text.length)
  for (const secret of secrets) {
    const length = Math.min(secret.length, PIECE)
    if (length === 0) continue
    for (let at = 0; at + length <= text.length; at++) {
      if (secret.includes(text.slice(at, at + length))) hidden.fill(1, at, at + length)
    }
  }
  let result = ''
  for (let at = 0; at < text.length; at++) {
    if (hidden[at] === 0) result += text.charAt(at)
    else if (hidden[at - 1] !== 1) result += HIDDEN
  }
  return result
}

/** JSON Web Tokens, and runs of characters that are too long for a word or an identifier. */
function hideTokens(text: string): string {
  return text
    .replace(/eyJ[A-Za-z0-9_.-]{5,}/g, HIDDEN)
    .replace(/[A-Za-z0-9_+/=~.-]{40,}/g, (run) => (isAddress(run) ? run : HIDDEN))
}

/** "login.example.com/…" and "https:" runs are split by ":" already; dotted host names are kept. */
function isAddress(run: string): boolean {
  return run.length < 100 && run.split(/[/.-]/).every((part) => part.length < 25)
}
