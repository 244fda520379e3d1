import { Application } from '../operations/page/application.ts'
import type { Frame } from '../operations/page/frame.ts'
import { RequestError } from '../operations/route-request.ts'
import { TICK_TOPIC } from '../operations/tick-topic.ts'
import { askNodeRed, downloadFromNodeRed } from './ask-node-red.ts'
import { AttentionBadge } from './attention-badge.ts'

/** Where Node-RED puts the texts of a plugin and of a node: under the package and a name. */
const PACKAGE = '@hl7-https/node-red-hl7-https-out'
const ID = 'hl7-https-out'
const ACTION = 'hl7-https-out:show-tab'
/** Without a tick, ages and figures are brought up to date so often, in milliseconds. */
const SLOWLY_MS = 10_000

const textOf =
  (catalogue: string) =>
  (key: string, values: Record<string, string | number> = {}): string => {
    const whole = `${PACKAGE}/${catalogue}:${key}`
    const found = RED._(whole, values)
    return found === whole ? key : found
  }
const text: Frame['text'] = textOf('sidebar')

/** Adds the tab to the sidebar: the application, in the editor as its frame. */
function addTab(): void {
  const badge = new AttentionBadge(ID, text)
  const content = document.createElement('div')
  content.className = 'hl7-page hl7-tab'
  const application = new Application(content, {
    ask: async (name, params, question) => {
      try {
        return await askNodeRed(name, params, question)
      } catch (error) {
        if (name === 'nodes' && error instanceof RequestError && error.status === 401) {
          application.close()
        }
        throw error
      }
    },
    download: downloadFromNodeRed,
    text,
    ruleText: textOf('hl7-https-out'),
    language: RED.i18n.lang(),
    may: (permission) => RED.user.hasPermission(permission),
    everyMs: () => SLOWLY_MS,
    flow: {
      has: (id) => (RED.nodes.node(id) ?? null) !== null,
      reveal: (id) => {
        RED.view.reveal(id)
      }
    },
    pageUrl: 'hl7-https-out/page',
    attention: (count) => {
      badge.show(count)
    }
  })
  // The editor has keys of its own, and would act on what is typed here.
  content.addEventListener('keydown', (event) => {
    if (event.target instanceof HTMLInputElement) event.stopPropagation()
  })
  RED.actions.add(
    ACTION,
    () => {
      RED.sidebar.show(ID)
    },
    { label: text('action') }
  )
  // Neither the editor nor its tabs say when one is hidden: other tab, closed sidebar, narrow window.
  let isVisible = false
  const look = (): void => {
    const isSeen = isVisible && !document.hidden
    application.look(isSeen)
    badge.watch(!isSeen && !document.hidden)
  }
  const observer = new IntersectionObserver((entries) => {
    isVisible = entries.at(-1)?.isIntersecting === true
    look()
  })
  RED.sidebar.addTab({
    id: ID,
    label: text('name'),
    name: text('name'),
    iconClass: 'fa fa-heartbeat',
    content,
    enableOnEdit: true,
    action: ACTION,
    onremove: () => {
      observer.disconnect()
      document.removeEventListener('visibilitychange', look)
      application.look(false)
      badge.watch(false)
    }
  })
  observer.observe(content)
  document.addEventListener('visibilitychange', look)
  const changed = (): void => {
    application.tick()
    badge.tick()
  }
  RED.comms.subscribe(TICK_TOPIC, changed)
  RED.events.on('deploy', changed)
}

RED.plugins.registerPlugin('hl7-https-out-sidebar', { onadd: addTab })
