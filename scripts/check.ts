/** `npm run check`: lint and type check at the same time, as each uses one core. */
import { spawn } from 'node:child_process'

const checks = ['lint', 'typecheck'].map((name) => {
  const child = spawn('npm', ['run', name], {
    stdio: 'inherit',
    shell: process.platform === 'win32'
  })
  return new Promise<void>((resolve) => {
    child.once('error', fail)
    child.once('close', (code) => {
      if (code !== 0) fail()
      resolve()
    })
  })
})
await Promise.all(checks)

function fail(): void {
  process.exitCode = 1
}
