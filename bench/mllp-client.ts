import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A sender gives up after so long without an answer. */
const LIMIT_MS = 60_000
const BEGIN = '\x0b'
const END = '\x1c\r'

/**
 * Sends messages as MLLP senders do: each connection waits for the acknowledgement before it sends
 * the next message.
 *
 * @param payloadOf the message with that number, from 0
 * @throws if a message is not accepted (AA)
 */
export async function sendOverMllp(
  port: number,
  { messages, connections }: { messages: number; connections: number },
  payloadOf: (index: number) => string
): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, '127.0.0.1').setNoDelay(true)
      socket.setTimeout(LIMIT_MS, () => {
        socket.destroy(new Error('A message was not acknowledged.'))
      })
      try {
        await once(socket, 'connect')
        await exchange(socket, () => (next < messages ? payloadOf(next++) : undefined))
      } finally {
        socket.destroy()
      }
    })
  )
}

/** Sends one message after the other, until there is none. */
async function exchange(socket: Socket, nextMessage: () => string | undefined): Promise<void> {
  const send = (): boolean => {
    const message = nextMessage()
    if (message !== undefined) socket.write(`${BEGIN}${message}${END}`)
    return message !== undefined
  }
  if (!send()) return
  let answer = ''
  for await (const data of socket as AsyncIterable<Buffer>) {
    answer += data.toString('latin1')
    if (!answer.endsWith(END)) continue
    if (!answer.includes('\rMSA|AA|')) throw new Error('A message was not accepted.')
    answer = ''
    if (!send()) return
  }
  throw new Error('Node-RED closed the connection.')
}
