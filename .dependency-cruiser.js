/**
 * Which files may import which. No file may import itself on a detour, not even for a type: what is shared stands in a
 * third.
 */

/** The rooms of `src/` that each room may import, besides the files of `src/` itself. */
const SRC = {
  hl7: [],
  'http-client': [],
  oauth2: ['http-client'],
  'hl7-over-http': ['http-client', 'hl7'],
  queue: [],
  rules: ['hl7'],
  delivery: ['rules', 'queue', 'hl7-over-http', 'http-client', 'oauth2', 'hl7']
}

/**
 * The rooms of `nodes/` that each room may import, besides `src/`; the nodes at its root may import them all. The forms
 * have of the operators' room only the page, and what its routes are called and take.
 */
const NODES = {
  settings: [],
  flow: ['settings'],
  tests: ['settings', 'flow'],
  rules: [],
  operations: ['settings', 'flow', 'tests', 'rules'],
  editor: [
    'settings',
    'rules',
    'tests/test-(?:sample|result)\\.ts$',
    'operations/page',
    'operations/(?:answers|permissions|questions|route-request|route-table|test-outcome|tick-topic)\\.ts$'
  ]
}

/** What a room may import of its folder: itself, and others. */
function roomRules(folder, rooms, rest) {
  return Object.entries(rooms).map(([room, others]) => {
    const open = [room, ...others].map((one) => (one.endsWith('$') ? one : `${one}/`))
    return {
      name: `${folder}/${room}-imports`,
      comment: `It may import only from: ${others.join(', ') || 'no other room'}.`,
      severity: 'error',
      from: { path: `^${folder}/${room}/` },
      to: {
        path: '^(?:src|nodes|test|demo|scripts|bench)/',
        pathNot: `^${folder}/(?:${open.join('|')})|${rest}`
      }
    }
  })
}

export default {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    // Two of the files of `src/` itself are for `nodes/` alone.
    ...roomRules('src', SRC, '^src/(?!form-text|node-version)[\\w-]+\\.ts$'),
    ...roomRules('nodes', NODES, '^src/'),
    {
      name: 'only-nodes-know-node-red',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^node-red|(?:^|/)@?node-red/|^nodes/|@types/node-red' }
    },
    {
      name: 'one-seed',
      comment: 'test/support/properties.ts decides the seed.',
      severity: 'error',
      from: { path: '^test/.*\\.test\\.ts$' },
      to: { path: '(?:^|/)fast-check' }
    }
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' }
  }
}
