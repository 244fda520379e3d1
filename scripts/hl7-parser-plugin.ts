import { readFileSync } from 'node:fs'
import type { Plugin } from 'esbuild'

/**
 * hl7-parser 0.2 assigns to a constant, in a branch that is never entered without a grammar. esbuild bundles no such
 * file for the browser, so there it becomes a variable.
 */
export const hl7ParserPlugin: Plugin = {
  name: 'hl7-parser',
  setup(build) {
    build.onLoad({ filter: /[\\/]hl7-parser[\\/]index\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const contents = source.replace(/\bconst (?=separator = )/, 'let ')
      if (contents === source) throw new Error(`${path} is not as expected`)
      return { contents }
    })
  }
}
