import type { TestNodeRed } from './node-red.ts'

const PASSWORD = 'a password of a test'
/** Of PASSWORD, with bcrypt's lowest cost. */
const HASH = '$2y$04$uhAQja9hZo0tOYz.j/4TNu4UXD3jF2ijr.SRpAb1XjbTNdNvQig6i'

/**
 * Users of Node-RED's editor and admin API, by name, with their permissions. Whoever does not log in
 * has all of them: the test itself deploys and injects so.
 */
export function adminAuth(users: Readonly<Record<string, string | readonly string[]>>): object {
  return {
    type: 'credentials',
    default: { permissions: '*' },
    users: Object.entries(users).map(([username, permissions]) => ({
      username,
      permissions,
      password: HASH
    }))
  }
}

/** Logs one of them in; returns the access token of the session. */
export async function logIn(nodeRed: TestNodeRed, username: string): Promise<string> {
  const { body } = await nodeRed.post('/auth/token', {
    client_id: 'node-red-admin',
    grant_type: 'password',
    scope: '',
    username,
    password: PASSWORD
  })
  return (body as { access_token: string }).access_token
}
