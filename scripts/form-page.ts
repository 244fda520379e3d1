/** Makes the page of a node type, as Node-RED loads it, from `nodes/TYPE.html`, its table of properties and the English texts. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outCredentials, outProperties } from '../nodes/settings/hl7-https-out-properties.ts'
import {
  tokenCredentials,
  tokenProperties
} from '../nodes/settings/oauth2-client-credentials-properties.ts'
import {
  SECRETS,
  type Credential,
  type CredentialTable,
  type Property,
  type PropertyTable
} from '../nodes/settings/property-table.ts'
import { builtTexts, type CatalogueName, keyed, textsOf, type Texts } from './texts.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

interface NodeType {
  /** Before the ids of its fields. */
  prefix: string
  properties: PropertyTable
  credentials: CredentialTable
}

export const NODE_TYPES = {
  'hl7-https-out': {
    prefix: 'node-input',
    properties: outProperties,
    credentials: outCredentials
  },
  'oauth2-client-credentials': {
    prefix: 'node-config-input',
    properties: tokenProperties,
    credentials: tokenCredentials
  }
} as const satisfies Record<Exclude<CatalogueName, 'sidebar'>, NodeType>

export type NodeTypeName = keyof typeof NODE_TYPES

/** @returns the page, with `<!-- rows PART -->`, the defaults and the credentials filled in */
export function formPage(type: NodeTypeName): string {
  const { prefix, properties, credentials }: NodeType = NODE_TYPES[type]
  const texts = textsOf(type)
  const all = [...Object.entries(credentials), ...Object.entries(properties)]
  const page = readFileSync(join(root, 'nodes', `${type}.html`), 'utf8')
    .replace(/^( *)<!-- rows (\w+) -->\n/gm, (_, indent: string, part: string) => {
      return all
        .filter(([, field]) => field.in === part)
        .flatMap(([name, field]) => new Row(type, prefix, name, texts).lines(field))
        .map((line) => `${indent}${line}\n`)
        .join('')
    })
    .replace(
      '<!-- secrets -->',
      Object.keys(SECRETS)
        // Not of the type hidden, whose value would be in the markup of the page.
        .map(
          (slot) =>
            `<input type="password" id="${prefix}-${slot}" data-i18n="[aria-label]type.secret" hidden>`
        )
        .join('')
    )
    .replace('{ /* properties */ }', literal(properties, defaultOf))
    .replace('{ /* credentials */ }', literal(credentials, credentialOf))
  for (const [name, field] of all) {
    const ids = [`id="${prefix}-${name}"`, `id="${type}-${name}"`]
    if (field.in !== undefined && !ids.some((id) => page.includes(id))) {
      throw new Error(`${type}.html has no place for ${name}.`)
    }
  }
  return withNamespaces(page, type)
}

/** What both forms say is in the catalogue of the first: there the editor looks for a key with its name before it. */
function withNamespaces(page: string, type: NodeTypeName): string {
  const own = keyed(builtTexts(type, 'en-US'))
  return page.replace(/(?<=data-i18n="(?:[^"]*[;\]])?)[\w.-]+(?=[";])/g, (key) =>
    own.has(key) ? key : `@hl7-https/node-red-hl7-https-out/hl7-https-out:${key}`
  )
}

/** As the Flow Library reads it: as text. */
function literal<Entry>(
  table: Readonly<Record<string, Entry>>,
  of: (name: string, entry: Entry) => string
): string {
  const lines = Object.entries(table).map(([name, entry]) => `        ${name}: ${of(name, entry)}`)
  return `{\n${lines.join(',\n')}\n      }`
}

function defaultOf(name: string, property: Property): string {
  const { default: byDefault } = property
  const shown = typeof byDefault === 'string' ? `'${byDefault}'` : JSON.stringify(byDefault)
  const value = `value: ${shown}`
  if (property.kind === 'node') {
    return `{ ${value}, type: '${property.type}', required: false, label: text('label.${name}') }`
  }
  return property.kind === 'flag' ? `{ ${value} }` : `{ ${value}, validate: check('${name}') }`
}

function credentialOf(name: string, { type }: Credential): string {
  return `{ type: '${type}', validate: check('${name}') }`
}

/** The row of one field. */
class Row {
  readonly #type: NodeTypeName
  readonly #name: string
  readonly #id: string
  readonly #texts: Texts

  constructor(type: NodeTypeName, prefix: string, name: string, texts: Texts) {
    this.#type = type
    this.#name = name
    this.#id = `${prefix}-${name}`
    this.#texts = texts
    this.#key('label', name)
  }

  lines(field: Property | Credential): string[] {
    const kind = 'kind' in field ? field.kind : field.type
    const inside =
      kind === 'flag'
        ? [
            `<input type="checkbox" id="${this.#id}">`,
            `<label for="${this.#id}" data-i18n="label.${this.#name}"></label>`
          ]
        : this.#labelled(field)
    const hint = this.#has('hint', this.#name)
      ? [
          `<div class="hl7-https-hint" data-row="hint.${this.#name}" data-i18n="hint.${this.#name}"></div>`
        ]
      : []
    return [
      `<div class="form-row${kind === 'flag' ? ' hl7-https-check' : ''}">`,
      ...[...inside, ...hint].map((line) => `  ${line}`),
      '</div>'
    ]
  }

  #labelled(field: Property | Credential): string[] {
    if (!('kind' in field)) return [this.#label(field, this.#id), this.#input(field, field.type)]
    const own = `${this.#type}-${this.#name}`
    switch (field.kind) {
      case 'list':
        return [
          `<label id="${own}-label">${this.#labelText(field)}</label>`,
          `<ol id="${own}" aria-labelledby="${own}-label"></ol>`
        ]
      case 'choice':
        return [this.#label(field, this.#id), ...this.#select(this.#id, field.words)]
      case 'number':
      case 'text':
        if (field.usual === undefined) {
          return [this.#label(field, this.#id), this.#input(field), ...this.#unit(field)]
        }
        return [
          this.#label(field, own),
          ...this.#select(own, field.usual.map(String), true),
          this.#input(field),
          ...this.#unit(field)
        ]
      default:
        return [this.#label(field, this.#id), this.#input(field)]
    }
  }

  #label(field: Property | Credential, id: string): string {
    return `<label for="${id}">${this.#labelText(field)}</label>`
  }

  #labelText({ icon, required }: Property | Credential): string {
    const shown = icon === undefined ? '' : `<i class="fa fa-${icon}"></i> `
    const mark =
      required === true
        ? `<span class="hl7-https-required" data-row="required.${this.#name}" aria-hidden="true">*</span>`
        : ''
    return `${shown}<span data-i18n="label.${this.#name}"></span>${mark}`
  }

  #input(field: Property | Credential, type = 'text'): string {
    const isUsual = 'usual' in field
    const kind = 'kind' in field ? field.kind : undefined
    const classes = [
      ...(kind === 'number' ? ['hl7-https-number'] : []),
      ...(kind === 'text' && isUsual ? ['hl7-https-rest'] : [])
    ]
    const texts = [
      ...(this.#has('placeholder', this.#name) ? [`[placeholder]placeholder.${this.#name}`] : []),
      // The label names the select, or an input that Node-RED hides behind a typed input.
      ...(isUsual || 'expression' in field ? [`[aria-label]label.${this.#name}`] : [])
    ]
    const isPicked = kind === 'node' || 'expression' in field
    const attributes: [name: string, value: string | undefined][] = [
      ['type', type],
      ['inputmode', inputMode(field)],
      ['id', this.#id],
      ['class', classes.join(' ')],
      ['style', isPicked ? 'width: calc(100% - 165px)' : undefined],
      ['spellcheck', type === 'text' && !isPicked ? 'false' : undefined],
      ['placeholder', field.example],
      ['data-i18n', texts.join(';')]
    ]
    return `<input${attributes.map(([name, value]) => (value ? ` ${name}="${value}"` : '')).join('')}>`
  }

  /** @param isOpen the last option shows the field itself */
  #select(id: string, words: readonly string[], isOpen = false): string[] {
    const options = words.map((word) => {
      const key = word === '' ? 'empty' : word
      if (!this.#has('option', this.#name, key)) return `<option value="${word}">${word}</option>`
      return `<option value="${word}" data-i18n="option.${this.#name}.${key}"></option>`
    })
    if (isOpen) {
      this.#key('option', this.#name, 'other')
      options.push(`<option value="" data-i18n="option.${this.#name}.other"></option>`)
    }
    const size = isOpen ? ' class="hl7-https-half"' : ''
    return [`<select id="${id}"${size}>`, ...options.map((option) => `  ${option}`), '</select>']
  }

  #unit({ unit }: Property): string[] {
    if (unit === undefined) return []
    this.#key('unit', unit)
    const words = `<span data-i18n="unit.${unit}"></span> <span class="hl7-https-duration"></span>`
    return [`<span class="hl7-https-unit">${words}</span>`]
  }

  #has(...path: string[]): boolean {
    let at: unknown = this.#texts
    for (const name of path) at = (at as Record<string, unknown> | undefined)?.[name]
    return typeof at === 'string'
  }

  /** @throws when there is no such English text: no label stays empty */
  #key(...path: string[]): void {
    if (this.#has(...path)) return
    throw new Error(`locales/en-US/${this.#type}.json has no ${path.join('.')}.`)
  }
}

function inputMode(field: Property | Credential): string | undefined {
  if (!('kind' in field) || field.kind !== 'number') return undefined
  return 'integer' in field ? 'numeric' : 'decimal'
}
