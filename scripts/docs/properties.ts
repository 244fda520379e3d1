import meanings from '../../locales/en-US/properties.json' with { type: 'json' }
import type { Property } from '../../nodes/settings/property-table.ts'
import { NODE_TYPES, type NodeTypeName } from '../form-page.ts'
import { textOf, textsOf } from '../texts.ts'
import { inCode, table } from './table.ts'

/** They stand in the row of the first. */
type OtherSecret = `secret${2 | 3 | 4 | 5 | 6}`

/** A property or credential without a meaning does not compile. */
const MEANINGS: {
  [Type in NodeTypeName]: Readonly<
    Record<
      | keyof (typeof NODE_TYPES)[Type]['properties']
      | Exclude<keyof (typeof NODE_TYPES)[Type]['credentials'], OtherSecret>,
      string
    >
  >
} = meanings

/** The table of the properties of a node type in docs/properties.md. */
export function propertiesTable(type: NodeTypeName): string {
  const { properties, credentials } = NODE_TYPES[type]
  const meanings: Readonly<Record<string, string>> = MEANINGS[type]
  const unknown = Object.keys(meanings).find((name) => !(name in properties || name in credentials))
  if (unknown !== undefined) throw new Error(`There is no property ${unknown}.`)
  const row = (name: string, value: string, byDefault: string): string[] => [
    ...(name === 'secret1'
      ? ['`secret1` to `secret6`', 'Secret 1 to 6']
      : [inCode(name), labelOf(type, name)]),
    value,
    byDefault,
    meanings[name] ?? ''
  ]
  return table(
    ['property', 'in the form', 'value', 'default', 'meaning'],
    [
      ...Object.entries<Property>(properties).map(([name, property]) =>
        row(name, valueOf(property), defaultOf(property))
      ),
      ...Object.keys(credentials)
        .filter((name) => name in meanings)
        .map((name) => row(name, 'text', 'credential'))
    ]
  )
}

function labelOf(type: NodeTypeName, name: string): string {
  return textOf(textsOf(type), `label.${name}`)
}

function defaultOf({ default: byDefault }: Property): string {
  return `\`${typeof byDefault === 'string' ? `'${byDefault}'` : JSON.stringify(byDefault)}\``
}

function valueOf(property: Property): string {
  switch (property.kind) {
    case 'text':
      return 'expression' in property ? 'JSONata' : 'text'
    case 'choice':
      return property.words.map((word) => (word === '' ? 'empty' : `\`${word}\``)).join(', ')
    case 'number': {
      const { also, integer, max, min } = property
      const range = max === undefined ? `from ${shown(min)}` : `${shown(min)} to ${shown(max)}`
      const other = also === undefined ? '' : `, or ${also}`
      return `${integer === true ? 'whole number' : 'number'}, ${range}${other}`
    }
    case 'flag':
      return '`true`, `false`'
    case 'list':
      return 'list'
    case 'node':
      return `id of \`${property.type}\``
  }
}

function shown(number: number): string {
  return number.toLocaleString('en-US')
}
