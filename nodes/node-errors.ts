/** The text of an error, for a status or the log. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : 'an unknown error'
}

/** What a node that cannot work says, with every reason. */
export function notSetUp(problems: readonly string[]): string {
  return `This node is not set up: ${problems.map((problem) => problem.replace(/\.$/, '')).join('; ')}.`
}

/** The name of the first environment variable without a value that the reasons name. */
export function unsetVariable(problems: readonly string[]): string | undefined {
  for (const problem of problems) {
    const [, name] = /environment variable (\S+).* is not set/.exec(problem) ?? []
    if (name !== undefined) return name
  }
  return undefined
}
