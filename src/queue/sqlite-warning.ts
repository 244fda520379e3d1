/**
 * SQLite in Node.js warns that it is experimental when it is loaded; the user can do nothing about that.
 *
 * @returns what ends the silence
 */
export function muteSqliteWarning(): () => void {
  const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void
  process.emitWarning = (...args: unknown[]) => {
    if (!String(args[0]).includes('SQLite is an experimental feature')) emitWarning(...args)
  }
  return () => {
    process.emitWarning = emitWarning
  }
}
