import type { Frame } from '../operations/page/frame.ts'
import { TICK_TOPIC } from '../operations/tick-topic.ts'
import { askNodeRed } from './ask-node-red.ts'
import { AttentionBadge } from './attention-badge.ts'
import { NodeList } from './node-list.ts'

/** Where Node-RED puts the texts of a plugin and of a node: under the package and a name. */
const PACKAGE = '@hl7-https/node-red-hl7-https-out'
const ID = 'hl7-https-out'
const ACTION = 'hl7-https-out:show-tab'

const textOf =
  (catalogue: string) =>
  (key: string, values: Record<string, string | number> = {}): string => {
    const whole = `${PACKAGE}/${catalogue}:${key}`
    const found = RED._(whole, values)
    return found === whole ? key : found
  }
const text: Frame['text'] = textOf('sidebar')

/** Adds the tab to the sidebar. */
function addTab(): void {
  const badge = new AttentionBadge(ID, text)
  const content = document.createElement('div')
  content.className = 'hl7-tab'
  const list = new NodeList(content, {
    ask: () => askNodeRed('nodes', {}, {}),
    text,
    ruleText: textOf('hl7-https-out'),
    language: RED.i18n.lang(),
    may: (permission) => RED.user.hasPermission(permission),
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
    list.look(isSeen)
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
      list.look(false)
      badge.watch(false)
    }
  })
  observer.observe(content)
  document.addEventListener('visibilitychange', look)
  const changed = (): void => {
    list.tick()
    badge.tick()
  }
  RED.comms.subscribe(TICK_TOPIC, changed)
  RED.events.on('deploy', changed)
}

RED.plugins.registerPlugin('hl7-https-out-sidebar', { onadd: addTab })
