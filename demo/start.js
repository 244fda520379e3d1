/**
 * `npm start`. Plain JavaScript, so that a Node.js that cannot run TypeScript gets as far as saying
 * what to do; the demo is in run.ts.
 */
if (process.features.typescript) {
  await import('./run.ts')
} else {
  console.error(
    `Node.js ${process.versions.node} cannot run the demo. Run "npm install", then "npm start":\n` +
      'the first brings a newer Node.js into the project, the second uses it.'
  )
  process.exitCode = 1
}
