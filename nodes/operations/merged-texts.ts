/** Texts of a language by section and name; in English those that it lacks. */
export function merged(english: object, own: object): Record<string, unknown> {
  const all: Record<string, unknown> = { ...own }
  for (const [name, text] of Object.entries(english) as [string, unknown][]) {
    const found = all[name]
    if (isSection(text)) all[name] = merged(text, isSection(found) ? found : {})
    else all[name] = found ?? text
  }
  return all
}

function isSection(text: unknown): text is object {
  return typeof text === 'object' && text !== null
}
