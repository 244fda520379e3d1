import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { build as bundle, type BuildOptions, type Metafile, type Plugin } from 'esbuild'

/** The English texts that the editor gets are there once: Node-RED's side and the thread of the queue files read the same files. */
export const editorsTextsPlugin: Plugin = {
  name: 'editors-texts',
  setup(build) {
    build.onResolve({ filter: /\/en-US\/hl7-https-out\.json$/ }, () => ({
      path: './locales/en-US/hl7-https-out.json',
      external: true
    }))
    build.onResolve({ filter: /\/en-US\/sidebar\.json$/ }, () => ({
      path: './operations/locales/en-US/sidebar.json',
      external: true
    }))
  }
}

/**
 * Makes one chunk of all files that the start of Node-RED and the thread of the queue files both need. esbuild makes a
 * chunk for each set of entries that share files: five more for the start, which each of them makes longer by half a
 * millisecond. So every other entry imports all of these files too, which are loaded by then, or small.
 *
 * @param start the entry that Node-RED loads
 * @param thread the entry of the thread
 */
export async function oneChunkPlugin(
  options: BuildOptions,
  start: string,
  thread: string
): Promise<Plugin> {
  const { metafile } = await bundle({
    ...options,
    write: false,
    metafile: true,
    logLevel: 'silent'
  })
  const atStart = reached(metafile, start, ['import-statement'])
  const inThread = reached(metafile, thread, ['import-statement', 'dynamic-import'])
  const shared = [...atStart].filter((file) => inThread.has(file) && file.endsWith('.ts'))
  const imports = shared.map((file) => `\nimport ${JSON.stringify(resolve(file))}`).join('')
  const entries = Object.values(metafile.outputs)
    .flatMap(({ entryPoint }) => entryPoint ?? [])
    .filter((file) => file !== start)
    .map((file) => resolve(file))
  return {
    name: 'one-chunk',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        entries.includes(path)
          ? { contents: readFileSync(path, 'utf8') + imports, loader: 'ts' }
          : undefined
      )
    }
  }
}

/** The files of ours that an entry needs. */
function reached({ inputs }: Metafile, entry: string, kinds: readonly string[]): Set<string> {
  const found = new Set([entry])
  for (const file of found) {
    for (const { path, kind, external } of inputs[file]?.imports ?? []) {
      if (external !== true && kinds.includes(kind)) found.add(path)
    }
  }
  found.delete(entry)
  return found
}
