/** A running Node-RED whose users these are. */
interface NodeRedWithUsers {
  url: string
  post: (path: string, body: object) => Promise<{ body: unknown }>
}

/** A form has to encode it. */
export const PASSWORD = 'watch & 50 %+'
/** Of PASSWORD, with bcrypt's lowest cost. */
const HASH = '$2b$04$XrX1uavBxfF.6xiCEaBc3u3DQnq4q1lONEbZ0vXZ8a0WynJxBprMG'

/** Users of the shared Node-RED that has some, with their permissions. */
export const USERS = {
  // Those of docs/operations.md.
  admin: '*',
  watch: ['read'],
  night: ['read', 'hl7-https-out.write'],
  analyst: ['read', 'hl7-https-out.content'],
  clerk: ['read', 'hl7-https-out.export'],
  // The general permissions of Node-RED.
  read: 'read',
  write: 'write',
  '*': '*',
  /** May deploy. */
  author: ['flows.write'],
  /** May do nothing with our nodes but see them. */
  stranger: ['flows.read']
} as const
export type User = keyof typeof USERS

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
export async function logIn(nodeRed: NodeRedWithUsers, username: string): Promise<string> {
  const { body } = await nodeRed.post('/auth/token', {
    client_id: 'node-red-admin',
    grant_type: 'password',
    scope: '',
    username,
    password: PASSWORD
  })
  return (body as { access_token: string }).access_token
}

/** What a user was answered. */
export interface UserAnswer {
  status: number
  /** If it was JSON. */
  body: unknown
  text: string
  headers: Headers
}

const sessions = new WeakMap<NodeRedWithUsers, Map<User, Promise<string>>>()

/** GETs from the admin API as a user who has logged in, or POSTs a body. */
export async function as(
  nodeRed: NodeRedWithUsers,
  user: User,
  path: string,
  body?: unknown
): Promise<UserAnswer> {
  const ofNodeRed = sessions.get(nodeRed) ?? new Map<User, Promise<string>>()
  sessions.set(nodeRed, ofNodeRed)
  const session = ofNodeRed.get(user) ?? logIn(nodeRed, user)
  ofNodeRed.set(user, session)
  const response = await fetch(nodeRed.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Bearer ${await session}`
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  const { status, headers } = response
  return { status, headers, text, body: isJson ? (JSON.parse(text) as unknown) : undefined }
}
