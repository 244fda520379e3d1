import { RequestError } from '../operations/route-request.ts'
import type { Form } from './form.ts'
import { ResultBox } from './result-box.ts'

/** A test of the settings in a form, by its button. */
export interface FormTest<Settings> {
  form: Form
  /** Prefix of the ids of its button and its result. */
  prefix: string
  /** What the id of its button ends in. */
  button?: string
  /** What is said meanwhile. */
  busy: string
  /** All that the result depends on. */
  settings: () => Settings
  /**
   * Runs the test.
   *
   * @returns shows the result; not called if the form has changed meanwhile
   * @throws {RequestError} whose text is shown
   */
  run: (settings: Settings, result: ResultBox) => Promise<() => void>
}

/**
 * Wires the button of a test: while the test runs it shows that it is busy, and cannot be pressed
 * again. The result disappears as soon as the form is not as it was tested: it would say something
 * about other settings.
 */
export function prepareFormTest<Settings>(test: FormTest<Settings>): void {
  const { form, prefix, button: name = 'button', busy, settings, run } = test
  const result = new ResultBox(`${prefix}-result`)
  const root = form.root()
  /** Undefined once the form is closed: what is open then is another one. */
  const state = (): string | undefined =>
    form.isOpen() && root.isConnected ? JSON.stringify(settings()) : undefined
  /** The settings that the box is about. */
  let tested: string | undefined
  // Node-RED reports a change of its own fields by jQuery; rows are removed by a click, or sorted.
  $(root).on('change keyup input click sortstop', () => {
    if (tested === undefined || state() === tested) return
    tested = undefined
    result.clear()
  })

  const runTest = async (): Promise<void> => {
    const mine = state()
    tested = mine
    result.say(busy)
    const show = await run(settings(), result).catch((error: unknown) => {
      if (!(error instanceof RequestError)) throw error
      return () => {
        result.show({ outcome: 'bad', headline: form.text(`request.${error.key}`) })
      }
    })
    if (tested !== mine || state() === undefined) return
    show()
    // What was tested may have been entered into the form.
    tested = state()
  }

  const button = document.getElementById(`${prefix}-${name}`)
  const icon = button?.querySelector('i')
  const idle = icon?.className ?? ''
  const setBusy = (isBusy: boolean): void => {
    button?.setAttribute('aria-disabled', String(isBusy))
    if (icon) icon.className = isBusy ? 'fa fa-spinner fa-spin' : idle
  }
  button?.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') === 'true') return
    setBusy(true)
    void runTest().finally(() => {
      setBusy(false)
    })
  })
}
