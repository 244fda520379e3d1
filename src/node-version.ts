import { english } from './english.ts'

/** Why this Node.js is too old, in words; `undefined` if it is not. See `engines` in package.json. */
export function nodeVersionProblem(): string | undefined {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  // What is older is not tested.
  const isKnown = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21)
  if (isKnown) return undefined
  return english('log', 'problem.nodeVersion', { version: process.versions.node })
}
