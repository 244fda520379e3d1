import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { formPage, NODE_TYPES, type NodeTypeName } from '../scripts/form-page.ts'
import { merged } from '../nodes/operations/merged-texts.ts'
import { fillHelp, helpPage } from '../scripts/help.ts'
import {
  builtTexts,
  type CatalogueName,
  keyed,
  missingKeys,
  ownTexts,
  pluralsOf,
  textsOf,
  type Texts,
  withPlurals
} from '../scripts/texts.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const nodes = join(root, 'nodes')
const read = (...path: string[]): string => readFileSync(join(root, 'locales', ...path), 'utf8')
const readCode = (...path: string[]): string => readFileSync(join(nodes, ...path), 'utf8')

const types = Object.keys(NODE_TYPES) as NodeTypeName[]
/** What translators write; both forms have the first. */
const files = ['both-forms', ...types, 'sidebar']

const translations = readdirSync(join(root, 'locales')).filter((name) => name !== 'en-US')
/** Those that Node-RED's editor knows. */
const known = readdirSync(join(root, 'node_modules/@node-red/editor-client/locales'))

const readTexts = (language: string, name: string): Texts =>
  JSON.parse(read(language, `${name}.json`)) as Texts

/** What a reader of a language sees, by whole keys. */
const shownTexts = (language: string, name: CatalogueName): Map<string, string> =>
  keyed(textsOf(name, language))

/** All matches of a pattern, sorted: translations may use another order. */
const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([match]) => match).sort()

/** What translations keep: placeholders, variables, HL7 fields and codes, the start of a URL. */
const code = /__\w+?__|\$\{?\w+\}?|https?:\/\/|[A-Z]{2,3}-\d+(?:\.\d+)?|\b(?:A[AER]|C[AER])\b/g

/** Columns on the screen: a Chinese or Japanese character takes two. */
const columns = (text: string): number =>
  text.length + found(text, /[\u3000-\u9fff\uff00-\uff60]/g).length

for (const type of types) {
  const labels = shownTexts('en-US', type)

  describe(`the texts of ${type}`, () => {
    it('include every label in the form', () => {
      const attributes = [...formPage(type).matchAll(/data-i18n="([^"]+)"/g)]
      const keys = attributes.flatMap(([, value]) =>
        (value ?? '').split(';').map((key) => key.replace(/^\[[^\]]+\]/, ''))
      )
      assert.ok(keys.length > 20)
      const own = keyed(builtTexts(type, 'en-US'))
      const shared = keyed(readTexts('en-US', 'both-forms'))
      const other = '@hl7-https/node-red-hl7-https-out/hl7-https-out:'
      assert.deepEqual(
        keys.filter((key) =>
          key.startsWith(other) ? !shared.has(key.slice(other.length)) : !own.has(key)
        ),
        []
      )
    })

    it('are all used', () => {
      const files = globSync(
        [
          'nodes/{.,settings,flow,tests,rules,editor,editor/import}/*.ts',
          'nodes/operations/route-request.ts',
          'src/**/*.ts'
        ],
        { cwd: join(nodes, '..') }
      )
      const code = files.map((file) => readCode('..', file)).join('\n')
      const keys = new Set(`${formPage(type)} ${code}`.match(/\w+(?:\.\w+)*/g))
      const words = new Set(code.match(/\w+/g))
      const unused = [...labels.keys()].filter((key) => {
        const name = key.replace(/_(?:one|other)$/, '')
        const [section = '', last = ''] = name.split('.')
        if (keys.has(name)) return false
        // A composed key: `condition.${name}`, with the name elsewhere.
        return !code.includes(`\`${section}.\${`) || !words.has(last)
      })
      assert.deepEqual(unused, [])
    })
  })
}

describe('what both forms say', () => {
  it('stands once in each language', () => {
    for (const language of ['en-US', ...translations]) {
      const [both, ...own] = ['both-forms', ...types].map((name) =>
        keyed(readTexts(language, name))
      )
      const twice = own.flatMap((texts, index) =>
        [...texts].filter(
          ([key, text]) =>
            both?.has(key) || own.some((other, at) => at > index && other.get(key) === text)
        )
      )
      // A button in one form is a heading in the other: which are different words in most languages.
      assert.deepEqual(
        twice.filter(([key]) => key !== 'label.test'),
        [],
        language
      )
    }
  })
})

describe('the texts of the log', () => {
  it('are all used', () => {
    const files = globSync(['nodes/{.,settings,flow,tests,operations}/*.ts', 'src/**/*.ts'], {
      cwd: root
    })
    const code = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
    const unused = [...keyed(readTexts('en-US', 'log')).keys()].filter((key) => {
      const parts = key.replace(/_(?:one|other)$/, '').split('.')
      if (code.includes(`'${parts.join('.')}'`)) return false
      // A composed key: `problem.${name}`, with the name elsewhere. The codes of hints are those of
      // others, and a text of a metric without the metric does not compile.
      const last = parts.pop() ?? ''
      const isComposed = code.includes(`\`${parts.join('.')}.\${`)
      return (
        !isComposed || (!['hint', 'metric'].includes(parts[0] ?? '') && !code.includes(`'${last}'`))
      )
    })
    assert.deepEqual(unused, [])
  })
})

describe('the languages', () => {
  it('are some of those of Node-RED, each with every file', () => {
    const locales = join(root, 'locales')
    assert.deepEqual(
      translations.filter((language) => !known.includes(language)),
      []
    )
    const translated = files.map((name) => `${name}.json`)
    for (const language of translations) {
      assert.deepEqual(readdirSync(join(locales, language)).sort(), translated, language)
    }
    const english = [...types.map((type) => `${type}.html`), 'codes.json', 'log.json']
    assert.deepEqual(
      readdirSync(join(locales, 'en-US')).sort(),
      [...translated, ...english, 'properties.json'].sort()
    )
  })
})

describe('a text that a language lacks', () => {
  const english = {
    label: { url: 'URL', queue: 'Keep messages', part: { one: 'One', two: 'Two' } },
    told: { left: 'Left', resent_one: '1 is sent again', resent_other: '__count__ are sent again' }
  }

  it('is shown in English', () => {
    const own = { label: { queue: 'Behalten', part: { two: 'Zwei' } } }
    assert.deepEqual(merged(english, own), {
      label: { url: 'URL', queue: 'Behalten', part: { one: 'One', two: 'Zwei' } },
      told: english.told
    })
    assert.deepEqual(merged(english, {}), english)
  })

  it('is a plural that English does not have, and then the one for several', () => {
    const own = { told: { resent_one: 'Uno', resent_other: '__count__' } }
    assert.deepEqual(withPlurals(own, 'es-ES'), {
      told: { ...own.told, resent_many: '__count__' }
    })
  })

  it('is listed by the build, unless the language has no use for it', () => {
    const own = { label: { queue: '保存' }, told: { left: '出力済み' } }
    assert.deepEqual(missingKeys(english, own, 'ja'), [
      ...['label.url', 'label.part.one', 'label.part.two', 'told.resent_other']
    ])
    assert.deepEqual(missingKeys(english, english, 'ja'), [])
  })
})

/** Of two words for one thing, the one that is not used. */
const NOT_USED: Readonly<Record<string, RegExp>> = {
  'en-US': /\b(?:whoever|anew|besides)\b|leaves? by (?:it|them)sel/i,
  de: /Anwendungsquittung|Anforderung|catch-Node|[Nn]ochmals/,
  'es-ES': /petición|cabecera|diario/i,
  fr: /nœud|accusé|destinataire/i,
  ja: /コントロールID|サーバー|ユーザー|ブラウザー|エディター|catchノード/,
  'zh-CN': /应用确认|运营方|回复/
}

describe('one thing', () => {
  for (const [language, word] of Object.entries(NOT_USED)) {
    it(`has one word in ${language}`, () => {
      const texts = ([...types, 'sidebar'] satisfies CatalogueName[]).flatMap((name) => [
        ...keyed(ownTexts(name, language))
      ])
      assert.deepEqual(
        texts.filter(([, text]) => word.test(text)),
        []
      )
    })
  }
})

for (const language of translations) {
  for (const type of [...types, 'sidebar'] satisfies CatalogueName[]) {
    describe(`the ${language} texts of ${type}`, () => {
      const english = shownTexts('en-US', type)
      const texts = keyed(ownTexts(type, language))

      it('have keys of the English texts only, in the same order', () => {
        assert.deepEqual(
          [...texts.keys()],
          [...english.keys()].filter((key) => texts.has(key))
        )
      })

      it('have all plurals of a text, or none', () => {
        const used = pluralsOf(language)
        const lacking = [...english.keys()].filter((key) => {
          const [, stem = '', plural = ''] = /^(.+)_(one|other)$/.exec(key) ?? []
          const has = (other: string): boolean => texts.has(`${stem}_${other}`)
          return used.includes(plural) && !has(plural) && used.some(has)
        })
        assert.deepEqual(lacking, [])
      })

      it('are not empty', () => {
        assert.deepEqual(
          [...texts].filter(([, text]) => text.trim() === ''),
          []
        )
      })

      it('have the same placeholders and code', () => {
        for (const [key, text] of texts) {
          // English says 1; French says 0 with the same text.
          const kept = (one: string): string[] =>
            found(one, code).filter((match) => match !== '__count__' || !key.endsWith('_one'))
          assert.deepEqual(kept(text), kept(english.get(key) ?? ''), key)
        }
      })

      it('say no 1 for a 0', () => {
        if (new Intl.PluralRules(language).select(0) !== 'one') return
        assert.deepEqual(
          [...texts].filter(([key, text]) => key.endsWith('_one') && /\b1\b/.test(text)),
          []
        )
      })

      it('leave nothing in English', () => {
        const words = (text: string): number =>
          text.replace(/__\w+?__/g, '').match(/[a-z]{2,}/g)?.length ?? 0
        const same = [...english].filter(
          ([key, text]) => words(text) >= 3 && texts.get(key) === text
        )
        assert.deepEqual(same, [])
      })

      it('cite labels as they are', () => {
        const quoted = /["“„«「]\s*([^"“”»」]+?)\s*["“”»」]/g
        const citedIn = (text = ''): string[] =>
          [...text.matchAll(quoted)].map(([, words]) => words ?? '')
        const shown = shownTexts(language, type)
        for (const [key, text] of texts) {
          const cited = citedIn(text)
          for (const words of citedIn(english.get(key))) {
            const labels = [...english].flatMap(([label, one]) =>
              one === words ? [shown.get(label) ?? ''] : []
            )
            assert.ok(
              labels.length === 0 || labels.some((label) => cited.includes(label)),
              `${key}: ${labels.join(', ')}`
            )
          }
        }
      })
    })
  }
}

describe('the help', () => {
  for (const type of types) {
    for (const language of ['en-US', ...translations]) {
      it(`of ${type} cites the labels of the ${language} form`, () => {
        const help = helpPage(type, language)
        assert.match(help, new RegExp(`^<script type="text/html" data-help-name="${type}">`))
        assert.doesNotMatch(help, /[{}]{2}/)
        const labels = shownTexts(language, type)
        const cited = [...read('en-US', `${type}.html`).matchAll(/<[bi]>\{\{(.+?)\}\}<\/[bi]>/g)]
        const shown = [...help.matchAll(/<[bi]>(.+?)<\/[bi]>/g)].map(([, label]) => label)
        assert.ok(cited.length > 5)
        assert.deepEqual(
          shown,
          cited.map(([, key = '']) => labels.get(key))
        )
      })
    }
  }

  it('cites only what is in the form', () => {
    assert.throws(() => fillHelp('<b>{{label.nothing}}</b>', { label: {} }), /label\.nothing/)
  })
})

for (const language of ['en-US', ...translations]) {
  describe(`the ${language} status texts`, () => {
    const status = new Map(
      [...shownTexts(language, 'hl7-https-out')].flatMap(([key, text]) =>
        key.startsWith('status.') ? [[key.slice('status.'.length), text] as const] : []
      )
    )

    it('are short apart from an error code', () => {
      assert.ok(status.size > 10)
      for (const [state, text] of status) {
        const example = text.replace('__code__', '').replace(/__\w+?__/g, '12')
        // A failing token takes more words.
        const limit = state === 'tokenFailing' ? 45 : 20
        assert.ok(columns(example) < limit, `${state}: ${example}`)
      }
    })
  })
}
