/**
 * A parameter of a header such as Content-Type (RFC 9110 §5.6.6), quoted or not. What is in quotes holds no other
 * parameter.
 *
 * @param name in lower case
 * @returns undefined if it is not there, or empty
 */
export function headerParameter(header: string, name: string): string | undefined {
  for (const [, found = '', quoted, token] of header.matchAll(
    /;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]*))/g
  )) {
    if (found.toLowerCase() === name) return quoted || token || undefined
  }
  return undefined
}
