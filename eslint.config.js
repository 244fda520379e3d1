import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

/**
 * The arrows of the house: which rooms of `src/` a room may import. What is not listed is refused.
 * `nodes → delivery → {rules, outbox, https, oauth2}`; `rules` and `https` know `hl7`; `https` and `oauth2`
 * share `http-client`. Every room may look at the clock of the house, `src/clock.ts`.
 */
const mayImport = {
  hl7: [],
  'http-client': [],
  oauth2: ['http-client'],
  https: ['http-client', 'hl7'],
  outbox: [],
  rules: ['hl7'],
  delivery: ['rules', 'outbox', 'https', 'http-client', 'oauth2', 'hl7']
}

const arrows = Object.entries(mayImport).flatMap(([room, allowed]) =>
  // In a room, and in a closet of it, which may import the room itself.
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
              regex: `${up}(?!clock\\.ts$|${[room, ...allowed].join('/|')}/)`,
              message: `src/${room} may import only from: ${allowed.join(', ') || 'nothing of ours'}.`
            },
            {
              group: ['node-red', 'node-red/*', '@node-red/*', '**/nodes/**'],
              message: 'Only nodes/ knows Node-RED.'
            },
            // The thread alone knows that files are repaired; the one import of it is not static.
            { group: ['./repair/*', '**/outbox/repair/*'], message: 'Nobody knows of the repair.' }
          ]
        }
      ]
    }
  }))
)

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
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  ...arrows,
  {
    files: ['test/**/*.ts'],
    rules: {
      // node:test's describe and it return promises that the runner itself awaits.
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
    files: ['demo/**/*.ts', 'scripts/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-console': 'off' }
  }
)
