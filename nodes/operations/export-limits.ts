/** So many messages are in one file, and about so many bytes. */
export const MOST_EXPORTED = 10_000
export const MOST_EXPORTED_BYTES = 100_000_000
