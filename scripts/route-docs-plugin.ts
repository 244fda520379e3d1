import { readFileSync } from 'node:fs'
import type { Plugin } from 'esbuild'

/** A line of the table of routes that says what one does. */
const DOES = /^ {4}does: '.*'\n/gm

/** What each route does stands in its table, and is read by `npm run docs` only: it is left out of what is published. */
export const routeDocsPlugin: Plugin = {
  name: 'route-docs',
  setup(build) {
    build.onLoad({ filter: /[\\/]operations[\\/]route-table\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const contents = source.replace(DOES, '')
      if (contents === source || /^ {4}does:/m.test(contents)) {
        throw new Error(`${path} is not as expected`)
      }
      return { contents, loader: 'ts' }
    })
  }
}
