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
    const compile = (source: string): Evaluate =>
      compileJsonata({ util: utilities } as unknown as NodeAPI, {} as unknown as Node, source)
    const evaluate = (source: string, input: unknown = {}): Promise<unknown> =>
      compile(source)(input)

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
      const items = Array.from({ length: 500 }, (_, index) => ({ id: `k${index}`, value: index }))
      const cases: [string, unknown][] = [
        ['($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(300))', 300],
        ['$count($keys(items{id: $sum(value)}))', 500],
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
