import { isSecret, SECRETS } from '../settings/property-table.ts'

/** The slots of an open form: six, of which each row with a secret has one. */
export class SecretSlots {
  readonly #field: (slot: string) => EditorElements
  readonly #inUse: () => readonly string[]
  /** Those that rows have had while the form is open. */
  readonly #had = new Set<string>()

  /**
   * @param field of a slot; it is not in sight
   * @param inUse the slots that rows have now
   */
  constructor(field: (slot: string) => EditorElements, inUse: () => readonly string[]) {
    this.#field = field
    this.#inUse = inUse
  }

  read(slot: string): string {
    return isSecret(slot) ? String(this.#field(slot).val()) : ''
  }

  write(slot: string, value: string): void {
    if (isSecret(slot)) this.#field(slot).val(value).trigger('change')
  }

  /** A slot for another row; an empty text if all are in use. */
  take(): string {
    const inUse = this.#inUse()
    const free = Object.keys(SECRETS).filter((slot) => !inUse.includes(slot))
    const taken = free.find((slot) => this.read(slot) === '' || this.#had.has(slot)) ?? ''
    this.#had.add(taken)
    return taken
  }

  /** Slots in use now: what is in them goes with their rows. */
  watch(): void {
    for (const slot of this.#inUse()) this.#had.add(slot)
  }

  /** Forgets the secrets of rows that were removed. */
  clear(): void {
    const inUse = this.#inUse()
    for (const slot of this.#had) if (!inUse.includes(slot)) this.write(slot, '')
  }
}

/** It stands for a secret, and is none itself. */
export function isReference(value: string): boolean {
  return /^\s*\$\{/.test(value)
}
