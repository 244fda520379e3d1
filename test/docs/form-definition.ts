import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'

/** What a form registers in Node-RED's editor. */
export interface FormDefinition {
  /** The default of each property. */
  defaults: Record<string, { value: unknown }>
  credentials: Record<string, { type: 'text' | 'password' }>
}

const nodes = new URL('../../nodes/', import.meta.url)

/** Reads a node's form as the editor does, by running it. */
export function formDefinition(type: string): FormDefinition {
  const html = readFileSync(new URL(`${type}.html`, nodes), 'utf8')
  const [, code = ''] = /<script type="text\/javascript">([^]*?)<\/script>/.exec(html) ?? []
  let registered: FormDefinition | undefined
  const RED = {
    _: (key: string) => key,
    nodes: {
      registerType: (_type: string, definition: FormDefinition) => {
        // The objects of the other context have other classes.
        registered = JSON.parse(JSON.stringify(definition)) as FormDefinition
      }
    }
  }
  runInNewContext(code, { RED })
  if (registered === undefined) throw new Error(`${type}.html registers nothing.`)
  return registered
}
