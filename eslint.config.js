import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

/**
 * The rooms of `src/` that each room may import, besides the files of `src/` itself.
 * `nodes → delivery → {rules, queue, https, oauth2}`; `rules` and `https` use `hl7`; `https` and
 * `oauth2` share `http-client`.
 */
const mayImport = {
  hl7: [],
  'http-client': [],
  oauth2: ['http-client'],
  https: ['http-client', 'hl7'],
  queue: [],
  rules: ['hl7'],
  delivery: ['rules', 'queue', 'https', 'http-client', 'oauth2', 'hl7']
}

const arrows = Object.entries(mayImport).flatMap(([room, allowed]) =>
  // For a room and its subdirectories, which may import the room itself.
  [
    [`src/${room}/*.ts`, '^(\\.\\./)+'],
    [`src/${room}/*/*.ts`, '^\\.\\./(\\.\\./)+']
  ].map(([files, up]) => ({
    files: [files],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `${up}(?!(?:back-off|cause-words|clock|codes|english|json-text|package-version|printable|redactor|secret-file|told|told-in-english|xml-entities)\\.ts$|${[room, ...allowed].join('/|')}/)`,
              message: `src/${room} may import only from: ${allowed.join(', ') || 'no other room'}.`
            },
            {
              group: ['node-red', 'node-red/*', '@node-red/*', '**/nodes/**'],
              message: 'Only nodes/ may import Node-RED.'
            }
          ]
        }
      ]
    }
  }))
)

/**
 * The rooms of `nodes/` that each room may import; the nodes at its root may import them all. The forms have of the
 * operators' room only the page, and what its routes are called and take.
 */
const nodesMayImport = {
  settings: [],
  flow: ['settings'],
  tests: ['settings', 'flow'],
  rules: [],
  operations: ['settings', 'flow', 'tests', 'rules'],
  editor: [
    'settings',
    'rules',
    'tests/test-sample\\.ts$',
    'tests/test-result\\.ts$',
    'operations/page',
    'operations/(?:answers|permissions|questions|route-request|route-table|test-outcome|tick-topic)\\.ts$'
  ]
}

const nodeArrows = Object.entries(nodesMayImport).flatMap(([room, allowed]) => {
  const others = allowed.map((one) => (one.endsWith('$') ? one : `${one}/`))
  const open = ['\\.\\./(?:src|locales)/', ...others].join('|')
  return [1, 2, 3].map((depth) => ({
    files: [`nodes/${room}/${'*/'.repeat(depth - 1)}*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              // Within the room, its directories may import one another.
              regex: `^(?:\\.\\./){${depth}}(?!${open})`,
              message: `nodes/${room} may import only from src/ and: ${allowed.join(', ') || 'no other room'}.`
            }
          ]
        }
      ]
    }
  }))
})

export default defineConfig(
  globalIgnores(['dist/', 'resources/', 'node_modules/', 'coverage/']),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './tsconfig.editor.json'],
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true }
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', ignoreRestSiblings: true }
      ],
      'no-console': ['error'],
      eqeqeq: ['error', 'always'],
      curly: ['error', 'multi-line']
    }
  },
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { console: 'readonly', process: 'readonly' } }
  },
  ...arrows,
  ...nodeArrows,
  {
    files: ['test/**/*.ts'],
    rules: {
      // The runner of node:test awaits the promises of describe and it.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['describe', 'it', 'test', 'suite'], package: 'node:test' }
          ]
        }
      ]
    }
  },
  {
    files: ['test/**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { name: 'fast-check', message: 'test/support/properties.ts decides the seed.' }
      ]
    }
  },
  {
    files: ['demo/**/*.{js,ts}', 'scripts/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-console': 'off' }
  }
)
