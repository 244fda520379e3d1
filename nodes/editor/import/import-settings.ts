import type { Form } from '../form.ts'
import type { ImportForm } from './import-row.ts'

/**
 * Wires "Import settings …" of an open form. What imports is loaded when somebody asks for it: few do, and it is as
 * large as all else that the editor loads.
 */
export function prepareImport(form: Form, kind: ImportForm): void {
  const type = kind === 'out' ? 'hl7-https-out' : 'oauth2-client-credentials'
  const at = (name: string): HTMLElement | null => document.getElementById(`${type}-import-${name}`)
  const button = at('button')
  /** Loading it, or what opens the dialog: one for each time that the form is open. */
  let loaded: Promise<() => void> | undefined
  const open = async (): Promise<void> => {
    loaded ??= import('./import-form.ts').then(({ importInto }) => importInto(form, kind))
    try {
      const openDialog = await loaded
      // A second click, or a form that was closed meanwhile, gets no dialog from this click.
      const isWanted =
        button?.isConnected === true && document.querySelector('dialog[open]') === null
      if (isWanted) openDialog()
    } catch {
      loaded = undefined
      const note = at('note')
      if (note !== null) note.textContent = form.text('import.notLoaded')
    }
  }
  button?.addEventListener('click', () => {
    void open()
  })
}
