/** What a route answers with as a file, piece by piece. */
export class Download {
  readonly contentType: string
  readonly fileName: string
  readonly pieces: AsyncIterable<Uint8Array>

  /** @param fileName of letters, digits, points and hyphens */
  constructor(contentType: string, fileName: string, pieces: AsyncIterable<Uint8Array>) {
    this.contentType = contentType
    this.fileName = fileName
    this.pieces = pieces
  }
}
