import type { Text } from '../times.ts'
import type { MessageLocation } from './place.ts'

/** Fields that people know by name; all others are known by their numbers. */
const NAMES = {
  'MSH-3': 'hl7Field.MSH-3',
  'MSH-4': 'hl7Field.MSH-4',
  'MSH-5': 'hl7Field.MSH-5',
  'MSH-6': 'hl7Field.MSH-6',
  'MSH-7': 'hl7Field.MSH-7',
  'MSH-9': 'hl7Field.MSH-9',
  'MSH-10': 'hl7Field.MSH-10',
  'PID-3': 'hl7Field.PID-3',
  'PID-5': 'hl7Field.PID-5',
  'PID-7': 'hl7Field.PID-7',
  'PID-8': 'hl7Field.PID-8',
  'PID-11': 'hl7Field.PID-11',
  'PID-18': 'hl7Field.PID-18',
  'PV1-2': 'hl7Field.PV1-2',
  'PV1-3': 'hl7Field.PV1-3',
  'PV1-19': 'hl7Field.PV1-19',
  'ORC-2': 'hl7Field.ORC-2',
  'ORC-3': 'hl7Field.ORC-3',
  'OBR-2': 'hl7Field.OBR-2',
  'OBR-3': 'hl7Field.OBR-3',
  'OBR-4': 'hl7Field.OBR-4',
  'OBX-3': 'hl7Field.OBX-3',
  'OBX-5': 'hl7Field.OBX-5'
} as const

/**
 * A field as people say it: `Date of birth (PID-7)`.
 *
 * @param path as it is shown: `PID-3.1`, `OBX[2]-5`
 */
export function namedField(
  path: string,
  { segment, field }: Pick<MessageLocation, 'segment' | 'field'>,
  text: Text
): string {
  const key = `${segment}-${field ?? ''}`
  return Object.hasOwn(NAMES, key)
    ? text('hl7Field.named', { name: text(NAMES[key as keyof typeof NAMES]), path })
    : path
}

/** The same of a path that a node can be searched by. */
export function namedPath(path: string, text: Text): string {
  const [, segment = '', field = ''] = /^([A-Z][A-Z\d]{2})-(\d+)/.exec(path) ?? []
  return namedField(path, { segment, field: Number(field) }, text)
}
