import { TICK_TOPIC } from '../operations/tick-topic.ts'
import { addTabStyle } from './sidebar/style.ts'
import { Tab } from './sidebar/tab.ts'
import type { Text } from './sidebar/times.ts'

/** Where Node-RED puts the texts of a plugin: under the package and the plugin's name. */
const NAMESPACE = '@hl7-https/node-red-hl7-https-out/sidebar'
const ID = 'hl7-https-out'
const ACTION = 'hl7-https-out:show-tab'

const text: Text = (key, values) => {
  const found = RED._(`${NAMESPACE}:${key}`, values ?? {})
  return found === `${NAMESPACE}:${key}` ? key : found
}

/** Adds the tab to the sidebar. It asks the runtime nothing until somebody opens it. */
function addTab(): void {
  addTabStyle()
  const tab = new Tab(text, RED.i18n.lang())
  RED.actions.add(
    ACTION,
    () => {
      RED.sidebar.show(ID)
    },
    { label: text('action') }
  )
  RED.sidebar.addTab({
    id: ID,
    label: text('name'),
    name: text('name'),
    iconClass: 'fa fa-heartbeat',
    content: tab.element,
    enableOnEdit: true,
    action: ACTION
  })
  // Neither the editor nor its tabs say when one is hidden: other tab, closed sidebar, narrow window.
  let shown = false
  const look = (): void => {
    tab.look(shown && !document.hidden)
  }
  new IntersectionObserver((entries) => {
    shown = entries.at(-1)?.isIntersecting === true
    look()
  }).observe(tab.element)
  document.addEventListener('visibilitychange', look)
  RED.comms.subscribe(TICK_TOPIC, () => {
    tab.tick()
  })
  RED.events.on('deploy', () => {
    tab.tick()
  })
}

RED.plugins.registerPlugin('hl7-https-out-sidebar', { onadd: addTab })
