import { runInNewContext } from 'node:vm'
import { formPage, type NodeTypeName } from '../../scripts/form-page.ts'

/** What a form registers in Node-RED's editor. */
export interface FormDefinition {
  /** The default of each property. */
  defaults: Record<string, { value: unknown }>
  credentials: Record<string, { type: 'text' | 'password' }>
}

/** Reads a node's form as the editor does, by running it. */
export function formDefinition(type: NodeTypeName): FormDefinition {
  const html = formPage(type)
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
