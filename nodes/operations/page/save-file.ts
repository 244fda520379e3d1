import { RequestError } from '../route-request.ts'

/** A file that Node-RED has answered with. */
export interface Answered {
  name: string
  content: Blob
}

/** Has the browser save a file. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  setTimeout(() => {
    URL.revokeObjectURL(link.href)
  }, 10_000)
}

/** A table for a spreadsheet, which the mark at its beginning tells that it is UTF-8. */
export function csvFile(csv: string): Blob {
  return new Blob(['\u{feff}', csv], { type: 'text/csv;charset=utf-8' })
}

/** What a route has answered with. @throws {RequestError} if it was cut: nobody takes a part for the whole */
export async function fileIn(response: Response): Promise<Answered> {
  const disposition = response.headers.get('Content-Disposition')
  const [, name = 'hl7.txt'] = /filename="([\w.-]+)"/.exec(disposition ?? '') ?? []
  try {
    return { name, content: await response.blob() }
  } catch {
    throw new RequestError(0, undefined)
  }
}
