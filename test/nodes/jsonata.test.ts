import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import util from '@node-red/util'
import type { Node, NodeAPI } from 'node-red'
import { compileJsonata, type Evaluate } from '../../nodes/settings/jsonata.ts'

/** The JSONata version of Node-RED 4.1, installed with the types of Node-RED. */
const older = createRequire(import.meta.url)('jsonata') as (source: string) => unknown

const engines = {
  'Node-RED 5': util.util,
  'Node-RED 4.1': { prepareJSONataExpression: older }
}

const ENDLESS = '($f := function($x) { $f($x) }; $f(1))'
const TIME = { name: 'ExpressionTimeout', message: 'took longer than 1 s' }

for (const [engine, utilities] of Object.entries(engines)) {
  describe(`an expression in ${engine}`, () => {
    const compile = (source: string, bound?: string[]): Evaluate =>
      compileJsonata(
        { util: utilities } as unknown as NodeAPI,
        {} as unknown as Node,
        source,
        bound
      )
    const evaluate = (source: string, input: unknown = {}): Promise<unknown> =>
      compile(source)(input)

    it('names a function that nobody knows, with its place', () => {
      for (const [source, name, position] of [
        ['$uid()', 'uid', 4],
        ['payload & $now() & $unknown(1)', 'unknown', 27],
        ['payload ~> $trimm', 'trimm', 17],
        ['$half(?, 2)', 'half', 5],
        ['($f := function($x) { $g($x) }; $f(1))', 'g', 24],
        ['$map([1], function($v) { $uuid() & $v })', 'uuid', 30]
      ] as const) {
        const isNamed = { name: 'UnknownFunction', call: { name, position } }
        assert.throws(() => compile(source), isNamed, source)
      }
    })

    it('knows those of JSONata, of Node-RED, its own and those that are bound', () => {
      const uses = '$sum([1]) & $uuid() & $xml("x") ~> $trim & $toMillis($now())'
      compile(uses, ['uuid', 'xml'])
      compile('($f := $uppercase; $g := function($h) { $h(1) }; $f("x") & $g($string))')
      compile('payload@$p.($p)')
      if (engine === 'Node-RED 5') compile('$env("X") & $flowContext("y") & $moment() & $clone(1)')
    })

    it('is stopped after a second', async () => {
      for (const source of [
        ENDLESS,
        '($f := function($x) { 1 + $f($x) }; $f(1))',
        '$map([1..10000000], function($x) { $x })'
      ]) {
        await assert.rejects(evaluate(source), TIME, source)
      }
    })

    it('may do everything else', async () => {
      const items = Array.from({ length: 100 }, (_, index) => ({ id: `k${index}`, value: index }))
      const cases: [string, unknown][] = [
        ['($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(300))', 300],
        ['$count($keys(items{id: $sum(value)}))', 100],
        ['$map(items[[0..2]], function($v, $i, $a) { $v.value + $i + $count($a) })', [3, 5, 7]],
        ['$reduce([1..5], function($a, $b) { $a * $b })', 120],
        ['$filter([1..4], function($v) { $v > 2 })', [3, 4]],
        ['$sift({"a": 1, "b": 2}, function($v, $k) { $k = "a" })', { a: 1 }],
        ['$each({"a": 1}, function($v, $k) { $k & $v })[0]', 'a1'],
        ['$single([1, 2], function($v) { $v = 2 })', 2],
        ['$sort([3, 1, 2])', [1, 2, 3]],
        ['$sort([3, 1, 2], function($a, $b) { $a < $b })', [3, 2, 1]],
        ['$distinct([1, 1, 2])', [1, 2]],
        ['[1, 2] ~> $map($string)', ['1', '2']],
        ['$map(["a", "b"], $uppercase)', ['A', 'B']],
        ['$replace("aab", /a/, function($m) { "x" })', 'xxb']
      ]
      for (const [source, result] of cases) {
        const found = await evaluate(source, { items })
        assert.equal(JSON.stringify(found), JSON.stringify(result), source)
      }
    })

    it('does not affect others that run at the same time', async () => {
      const expression = compile('$name & "/" & payload')
      const results = await Promise.all([
        ...['a', 'b'].map((name) => expression({ payload: name }, { name })),
        evaluate(ENDLESS).catch((error: unknown) => (error as Error).message),
        expression({ payload: 'c' }, { name: 'c' })
      ])
      assert.deepEqual(results, ['a/a', 'b/b', TIME.message, 'c/c'])
    })
  })
}
