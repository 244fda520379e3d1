/** So many control IDs are looked for at a time. */
export const MOST_CONTROL_IDS = 10_000
