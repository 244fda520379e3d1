/**
 * The parts of Node-RED's editor and its jQuery that the forms use. The published types of both
 * would bring `any` into every call.
 */

/** The credentials of a node in the editor: texts as they are, only `has_…` for a password. */
type EditorCredentials = Record<string, unknown> & { _?: Record<string, unknown> }

/** A node or config node in the editor: its properties, and what Node-RED adds to them. */
interface EditorNode {
  id: string
  type: string
  credentials?: EditorCredentials
  _def: {
    defaults: Record<string, { value: unknown; type?: string }>
    credentials: Record<string, { type: 'text' | 'password' }>
  }
  [property: string]: unknown
}

/** A wire. */
interface EditorLink {
  source: EditorNode
  sourcePort: number
  target: EditorNode
}

/** A type of a typed input that is not built in. */
interface TypedInputType {
  value: string
  label: string
  icon?: string
  hasValue?: false
  validate?: (value: string) => boolean
}

/** A jQuery request, to which the editor adds its session. */
interface EditableListOptions {
  addItem: (container: EditorElements, index: number, item: Record<string, unknown>) => void
  removeItem?: () => void
  sortItems?: () => void
  sortable?: boolean
  removable?: boolean
  addButton?: false
  height?: 'auto'
}

/** A jQuery collection. */
interface EditorElements {
  readonly length: number
  readonly [index: number]: HTMLElement
  val(): unknown
  val(value: string): this
  prop(name: string, value: boolean): this
  on(events: string, handler: (this: HTMLElement) => void): this
  trigger(event: string): this
  typedInput(options: { types: (string | TypedInputType)[] }): this
  typedInput(method: 'type' | 'value'): string
  typedInput(method: 'type' | 'value', value: string): this
  editableList(options: EditableListOptions | 'empty'): this
  editableList(method: 'addItem', item: Record<string, unknown>): this
}

declare const $: {
  (target: string | Element): EditorElements
}

interface SidebarTab {
  id: string
  /** Short, on the tab. */
  label: string
  name: string
  iconClass: string
  content: HTMLElement
  /** It can be used while a form is open. */
  enableOnEdit: boolean
  /** Of RED.actions; its shortcut is shown. */
  action: string
  onremove: () => void
}

/** The editor's own; undefined if a later one has none. */
declare const jsonata: undefined | ((expression: string) => { evaluate(input: unknown): unknown })

/** The names of the character sets that the runtime knows; inserted by the build. */
declare const CHARSET_NAMES: readonly string[]

declare const RED: {
  settings: {
    /** Undefined where nobody has to log in. */
    user?: unknown
    get(name: 'auth-tokens'): { access_token?: string } | null | undefined
  }
  /** @param key one, or several: the text of the first that has one */
  _(key: string | readonly string[], values?: Record<string, string | number>): string
  tabs: {
    create(options: { element: EditorElements; onchange: (tab: { id: string }) => void }): {
      addTab(tab: { id: string; label: string }): void
    }
  }
  events: {
    on(event: 'editor:save', listener: (node: EditorNode) => void): void
    on(event: 'deploy', listener: () => void): void
  }
  nodes: {
    node(id: string): (EditorNode & { changed?: boolean }) | null
    /** A node as a deploy sends it, with the credentials that were changed. */
    convertNode(node: EditorNode): object
    /** A new one. */
    id(): string
    import(nodes: object[], options: { markChanged: boolean }): { nodes: EditorNode[] }
    filterNodes(filter: object): EditorNode[]
    filterLinks(filter: object): EditorLink[]
    addLink(link: EditorLink): void
    /** Whether there is something to deploy. */
    dirty(): boolean
    dirty(dirty: boolean): void
    /** A subflow and its instances; undefined if the id is that of a flow. */
    subflow(id: unknown): { instances: EditorNode[] } | undefined
  }
  sidebar: {
    help: { show(type: string): void }
    addTab(tab: SidebarTab): void
    show(id: string): void
  }
  plugins: {
    registerPlugin(id: string, plugin: { type?: string; onadd: () => void }): void
  }
  actions: { add(name: string, action: () => void, options?: { label: string }): void }
  comms: { subscribe(topic: string, listener: () => void): void }
  user: { hasPermission(permission: string): boolean }
  view: { reveal(id: string): void; updateActive(): void; redraw(all: boolean): void }
  history: { push(event: object): void }
  i18n: { lang(): string }
  notify(message: string, type: 'error'): void
  utils: {
    /** `true`, or why the value is not valid for the type. */
    validateTypedProperty(value: string, type: string, options: object): true | string
  }
}
