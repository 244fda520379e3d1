/**
 * Splits command lines as the shell would that they were written for: that of Unix, `cmd` or PowerShell. Nothing is
 * run; a variable stays a variable.
 */

/** Around the name of a variable in a word: characters that no command has. */
const OPEN = '\u{e000}'
const CLOSE = '\u{e001}'

/** A `curl` command: its words behind `curl`. `isCut`: a quote in it is not closed, or it goes on. */
export interface CurlCommand {
  words: string[]
  isCut: boolean
}

type Dialect = 'unix' | 'cmd' | 'powershell'

/**
 * Where a command starts: at the beginning of a line, behind a prompt or another command. The path of a program may
 * stand before it; with slashes, it begins at a root or with a dot, or it is that of a page.
 */
const START =
  /(?:^|[\s;&|(`$>=])(?:[\w.:~\\/-]*\\|(?:[.~]{1,2}|[A-Za-z]:)?\/(?:[\w./-]*\/)?)?curl(?:\.exe"?)?(?=[ \t^\\`]|\r?\n|$)/gm

/** `>`, `2>&1`, `&>>`, `<<`: what follows is a file, not a word of the command. */
const REDIRECTION = /^(?:\d{1,2}|[&*])?(?:>>|>\||>&|>|<<<|<<-|<<|<&|<>|<)/

/** `<host>`, `<your client id>`, `<https://…>`: what a reader is to replace. */
const PLACEHOLDER = /^<(?:[^\s<>]+|[A-Za-z][\w-]*(?: [A-Za-z][\w-]*)*)>/

/** Finds the `curl` commands in a text. */
export function curlCommands(text: string): CurlCommand[] {
  const source = straightened(text.replaceAll(OPEN, '').replaceAll(CLOSE, ''))
  const commands: CurlCommand[] = []
  let end = 0
  // Of the line that is read: it may hold thousands of commands.
  let dialect: Dialect = 'unix'
  let lineEnd = -1
  for (const match of source.matchAll(START)) {
    const start = match.index + match[0].length
    // The word curl within the command before.
    if (match.index < end) continue
    if (start > lineEnd) {
      lineEnd = endOfLine(source, start)
      dialect = dialectOf(source.slice(source.lastIndexOf('\n', start - 1) + 1, lineEnd).trim())
    }
    const line = dialect === 'cmd' ? withoutCarets(source, start) : undefined
    const text = line?.text ?? source.slice(start)
    const reader = new WordReader(text, dialect, match[0].startsWith('`'))
    commands.push(reader.read())
    // What was read belongs to no other command: else, a quote that is not closed is read to the end by each of them.
    end = line?.end ?? start + reader.at
  }
  return commands
}

/** The name of the variable that a word is; undefined if it is none, or holds more. */
export function variableOf(word: string): string | undefined {
  return new RegExp(`^${OPEN}(\\w+)${CLOSE}$`).exec(word)?.[1]
}

export const hasVariable = (word: string): boolean => word.includes(OPEN)

/** A word as a reader knows it: a variable with its dollar sign. Another command may hold a secret. */
export function plainWord(word: string): string {
  return word.replaceAll(new RegExp(`${OPEN}([^${CLOSE}]*)${CLOSE}`, 'g'), (_, name: string) =>
    /^\w+$/.test(name) ? `\${${name}}` : '$(...)'
  )
}

/** Text programs turn quotes and hyphens into typographic ones. */
function straightened(text: string): string {
  const quotes = /["']/.test(text) ? text : text.replaceAll(/[“”„]/g, '"').replaceAll(/[‘’‚]/g, "'")
  return quotes
    .replaceAll(/(?<=\s)[–—](?=[A-Za-z](?:\s|$|["']))/g, '-')
    .replaceAll(/(?<=\s)[–—](?=[a-z]{2})/g, '--')
    .replaceAll('\u{a0}', ' ')
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end === -1 ? text.length : end
}

/**
 * The shell of a command.
 *
 * @param line its first one: how it goes on decides; else its prompt, or a variable
 */
function dialectOf(line: string): Dialect {
  if (/\s\\$/.test(line)) return 'unix'
  if (/\^$|\s\^"|^"?[A-Za-z]:\\|[\s"]%\w{2,}%/.test(line)) return 'cmd'
  // A blank stands before the backtick; none before those that end a piece of code in Markdown.
  return /\s`$|\$env:\w|^PS(?: [^>]*)?>/.test(line) ? 'powershell' : 'unix'
}

/**
 * The first step of `cmd`: a caret outside of quotes makes the next character an ordinary one, and joins lines.
 *
 * @returns the line, and where it ends in the text
 */
function withoutCarets(given: string, start: number): { text: string; end: number } {
  let text = ''
  let quoted = false
  let at = start
  for (; at < given.length; at += 1) {
    const char = given[at] ?? ''
    if (char === '\n' && !quoted) break
    if (char === '"') quoted = !quoted
    if (char === '^' && !quoted) {
      const line = /^\^[ \t]*\r?\n/.exec(given.slice(at, at + 100))
      if (line !== null) {
        at += line[0].length - 1
        text += ' '
        continue
      }
      at += 1
      text += given[at] ?? ''
      continue
    }
    text += char
  }
  return { text, end: at }
}

/** Reads the words of one command, to the end of its line. */
class WordReader {
  readonly #text: string
  readonly #dialect: Dialect
  /** Whether the command stands between backticks: it ends with the second one. */
  readonly #inBackticks: boolean
  at = 0
  #words: string[] = []
  /** Undefined between words: an empty pair of quotes is a word. */
  #word: string | undefined
  /** Whether the word names the file of a redirection. */
  #isTarget = false

  constructor(text: string, dialect: Dialect, inBackticks: boolean) {
    this.#text = text
    this.#dialect = dialect
    this.#inBackticks = inBackticks
  }

  read(): CurlCommand {
    let isCut = false
    while (this.at < this.#text.length) {
      const char = this.#text[this.at] ?? ''
      if (this.#joinsLines() || this.#redirects()) continue
      if (this.#endsAt(char)) break
      if (/\s/.test(char)) {
        this.#end()
        this.at += 1
      } else if (!this.#readPart(char)) {
        isCut = true
        break
      }
    }
    this.#end()
    const goesOn = this.at >= this.#text.length && /[\\^`][ \t]*$/.test(this.#text)
    return { words: this.#words, isCut: isCut || goesOn }
  }

  #end(): void {
    if (this.#word === undefined) return
    if (!this.#isTarget) this.#words.push(this.#word)
    this.#isTarget = false
    this.#word = undefined
  }

  #endsAt(char: string): boolean {
    if (char === '`' && this.#inBackticks) return true
    // In a word of cmd, a caret made it an ordinary character.
    if (this.#dialect === 'cmd') {
      return char === '\n' || (this.#word === undefined && /[|&]/.test(char))
    }
    return /[\n;|&)]/.test(char) || (char === '#' && this.#word === undefined)
  }

  #redirects(): boolean {
    const rest = this.#text.slice(this.at, this.at + 100)
    const [operator] = REDIRECTION.exec(rest) ?? []
    if (operator === undefined) return false
    // The output of another command, in a file without a name.
    if (this.#dialect === 'unix' && /^[<>]\(/.test(rest)) return false
    // Within a word, a digit is part of it.
    if (this.#word !== undefined && /^[\d*]/.test(operator)) return false
    const [placeholder] = PLACEHOLDER.exec(rest) ?? []
    if (placeholder === undefined) {
      this.#end()
      this.#isTarget = true
    } else {
      this.#add(placeholder)
    }
    this.at += (placeholder ?? operator).length
    return true
  }

  #add(text: string): void {
    this.#word = (this.#word ?? '') + text
  }

  /**
   * A line that goes on. Blanks and a comment behind its last character, and a line of comment, are mistakes; the next
   * one may begin with the prompt of the shell. Behind blanks, it is one before an option or an address only.
   */
  #joinsLines(): boolean {
    const mark = this.#dialect === 'powershell' ? '`' : '\\'
    if (this.#text[this.at] !== mark) return false
    const line =
      /^.[ \t]*(?:[ \t]#[^\n]*)?\r?\n(?:>{1,2}[ \t]|[ \t]+>{1,2}[ \t]+(?=-|["']?https?:))?(?:[ \t]*#[^\n]*\n(?=\s*[-#]))*/.exec(
        this.#text.slice(this.at, this.at + 500)
      )
    if (line === null) return false
    this.#end()
    this.at += line[0].length
    return true
  }

  /** @returns false if a quote is not closed */
  #readPart(char: string): boolean {
    const next = this.#text[this.at + 1] ?? ''
    if (char === '"') return this.#readDouble()
    if (char === "'" && this.#dialect !== 'cmd') return this.#readSingle()
    if (char === '$' && next === "'" && this.#dialect === 'unix') return this.#readAnsi()
    if (this.#dialect === 'unix') {
      if (/[<>]/.test(char) && next === '(') return this.#readCommand(1)
      // As fish writes it.
      if (char === '(') return this.#readCommand(0)
    }
    if (this.#readVariable()) return true
    if (char === this.#escape()) {
      this.#add(next)
      this.at += 2
      return true
    }
    this.#add(char)
    this.at += 1
    return true
  }

  #escape(): string {
    return { unix: '\\', cmd: '', powershell: '`' }[this.#dialect]
  }

  #readSingle(): boolean {
    this.at += 1
    this.#add('')
    while (this.at < this.#text.length) {
      const char = this.#text[this.at] ?? ''
      this.at += 1
      if (char === "'") {
        if (this.#dialect !== 'powershell' || this.#text[this.at] !== "'") return true
        this.at += 1
      }
      this.#add(char)
    }
    return false
  }

  #readDouble(): boolean {
    this.at += 1
    this.#add('')
    while (this.at < this.#text.length) {
      const char = this.#text[this.at] ?? ''
      const next = this.#text[this.at + 1] ?? ''
      if (char === '"') {
        this.at += 1
        // Two quotes are one, for the programs of Windows.
        if (this.#dialect === 'unix' || next !== '"') return true
        this.#add('"')
        this.at += 1
      } else if (char === '\\' && this.#escapesInDouble(next)) {
        if (next !== '\n') this.#add(next)
        this.at += 2
      } else if (char === '`' && this.#dialect === 'powershell') {
        this.#add(next === 'n' ? '\n' : next === 'r' ? '\r' : next)
        this.at += 2
      } else if (!this.#readVariable()) {
        this.#add(char)
        this.at += 1
      }
    }
    return false
  }

  #escapesInDouble(next: string): boolean {
    return this.#dialect === 'unix' ? /["\\$`\n]/.test(next) : next === '"'
  }

  /** `$'…'` of bash. */
  #readAnsi(): boolean {
    const escapes: Readonly<Record<string, string>> = {
      n: '\n',
      r: '\r',
      t: '\t',
      v: '\v',
      f: '\f'
    }
    this.at += 2
    this.#add('')
    while (this.at < this.#text.length) {
      const char = this.#text[this.at] ?? ''
      if (char === "'") {
        this.at += 1
        return true
      }
      if (char !== '\\') {
        this.#add(char)
        this.at += 1
        continue
      }
      const rest = this.#text.slice(this.at + 1, this.at + 10)
      const code = /^(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|([0-7]{1,3}))/.exec(rest)
      if (code !== null) {
        const number = parseInt(
          code[1] ?? code[2] ?? code[3] ?? '0',
          code[3] === undefined ? 16 : 8
        )
        this.#add(String.fromCharCode(number))
        this.at += 1 + code[0].length
      } else {
        const next = rest[0] ?? ''
        this.#add(escapes[next] ?? next)
        this.at += 2
      }
    }
    return false
  }

  /** A variable, or the output of another command. */
  #readVariable(): boolean {
    if (!/[$%`]/.test(this.#text[this.at] ?? '')) return false
    const rest = this.#text.slice(this.at, this.at + 200)
    if (this.#dialect === 'unix' && !this.#inBackticks) {
      const [command] = /^`[^`\n]*`/.exec(rest) ?? []
      if (command !== undefined) {
        this.#add(`${OPEN}${command}${CLOSE}`)
        this.at += command.length
        return true
      }
    }
    const pattern = {
      unix: /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/,
      cmd: /^%(\w+)%/,
      powershell: /^\$(?:env:(\w+)|(\w+)|\{(?:env:)?(\w+)\})/
    }[this.#dialect]
    const found = pattern.exec(rest)
    if (found !== null) {
      this.#add(`${OPEN}${found.slice(1).find(Boolean) ?? ''}${CLOSE}`)
      this.at += found[0].length
      return true
    }
    // `$1`, `$@`, `${NAME:-default}`: their values are known to nobody else.
    const [other] = this.#dialect === 'unix' ? (/^\$(?:[\d@*#?!]|\{[^{}]+\})/.exec(rest) ?? []) : []
    if (other !== undefined) {
      this.#add(`${OPEN}(${other}${CLOSE}`)
      this.at += other.length
      return true
    }
    return this.#dialect !== 'cmd' && rest.startsWith('$(') && this.#readCommand(1)
  }

  /**
   * `$(…)` and `<(…)`.
   *
   * @param before how many characters stand before the parenthesis
   */
  #readCommand(before: number): boolean {
    let depth = 0
    const start = this.at + before + 1
    for (this.at += before; this.at < this.#text.length; this.at += 1) {
      if (this.#text[this.at] === '(') depth += 1
      if (this.#text[this.at] === ')') depth -= 1
      if (depth === 0) break
    }
    // With its parenthesis, it is no name of a variable.
    this.#add(`${OPEN}(${this.#text.slice(start, this.at)}${CLOSE}`)
    this.at += 1
    return true
  }
}
