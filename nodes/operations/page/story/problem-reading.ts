import { isJsonObject, parseJson } from '../../../../src/json-text.ts'

/** What a reply without HL7 says is wrong. */
export interface ReadProblem {
  /** A code of FHIR, such as `invalid`; else `''`. */
  code: string
  text: string
}

/** So many are listed. */
const MOST_LISTED = 20

/**
 * The words of a problem (RFC 9457), or of each issue of FHIR's `OperationOutcome`, as Medplum answers; or the
 * title of a web page. None in any other text.
 */
export function readProblems(text: string): ReadProblem[] {
  const [, title = ''] = /^\s*<[^]{0,2000}?<title[^>]{0,200}>([^<]{1,300})/i.exec(text) ?? []
  if (title.trim() !== '') return [{ code: '', text: title.trim() }]
  const json = parseJson(text)
  if (!isJsonObject(json)) return []
  if (json['resourceType'] !== 'OperationOutcome') {
    const problem = { code: '', text: textOf(json['detail']) || textOf(json['title']) }
    return problem.text === '' ? [] : [problem]
  }
  const issues = Array.isArray(json['issue']) ? (json['issue'] as unknown[]) : []
  return issues
    .filter(isJsonObject)
    .slice(0, MOST_LISTED)
    .map(({ code, details, diagnostics }) => ({
      code: textOf(code),
      text: (isJsonObject(details) ? textOf(details['text']) : '') || textOf(diagnostics)
    }))
    .filter((issue) => issue.code !== '' || issue.text !== '')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
