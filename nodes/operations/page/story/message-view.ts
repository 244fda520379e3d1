import { html, nothing, type TemplateResult } from 'lit-html'
import type { MessageContent, NodeState } from '../../answers.ts'
import { button, type Desk, whyGrey } from '../desk.ts'
import { clockTime } from '../times.ts'
import { eventSentence } from '../words.ts'
import { changesBetween } from './changes.ts'
import { copyText } from './copy-text.ts'
import { report } from './report.ts'
import { sideBySide } from './side-by-side.ts'

/** Filled in by `scripts/build.ts`. */
declare const PACKAGE_VERSION: string

/** So many characters of an earlier text are shown. */
const MOST_ORIGINAL = 100_000

/** One message: what happened to it, a report about it, and what was sent and answered. */
export function messageView(
  node: Pick<NodeState, 'host'>,
  message: MessageContent,
  desk: Desk
): TemplateResult {
  const { text, ruleText, language, say } = desk
  const words = report({
    message,
    host: node.host,
    version: PACKAGE_VERSION,
    text,
    ruleText
  })
  const copy = async (): Promise<void> => {
    const isCopied = await copyText(words)
    if (isCopied) say('good', text('story.copied'))
    else say('bad', text('story.notCopied'))
  }
  const { controlId, reply, request } = message
  return html`<div class="hl7-story">
    ${
      request === undefined && typeof reply === 'string'
        ? sideBySide({ controlId, request, reply }, desk)
        : nothing
    }
    <div class="hl7-heading">
      <h4 id="hl7-story-title">${text('story.title')}</h4>
      ${button(desk, { id: 'copy-report', label: text('story.copyReport'), press: copy })}
    </div>
    <ol class="hl7-story-rows" aria-labelledby="hl7-story-title">
      ${message.story.map(
        (row) =>
          html`<li>
            ${
              row.at === null
                ? nothing
                : html`<time datetime=${row.at} title=${row.at}
                    >${clockTime(row.at, desk.now(), language, true)}</time
                  >`
            }
            <span>${eventSentence(row, desk)}</span>
          </li>`
      )}
    </ol>
    <details class="hl7-report">
      <summary>${text('story.reportLabel')}</summary>
      <pre tabindex="0" role="region" aria-label=${text('story.reportLabel')}>${words}</pre>
    </details>
    ${texts(message, desk)}
  </div>`
}

/** What the sender has sent, if somebody has edited it, and what was changed. */
function originalView({ original, request }: MessageContent, { text }: Desk): unknown {
  if (original === undefined) return nothing
  if (original === null) return html`<p>${text('story.originalGone')}</p>`
  const changes =
    request === null || request === undefined ? [] : changesBetween(original, request, text)
  return html`<details class="hl7-original">
    <summary>${text('story.original')}</summary>
    <ul>
      ${changes.map((words) => html`<li>${words}</li>`)}
    </ul>
    <pre tabindex="0" role="region" aria-label=${text('story.original')}>
${original.slice(0, MOST_ORIGINAL).replaceAll('\r', '\n')}</pre>
  </details>`
}

/** Request and reply, or why they are not shown. */
function texts(message: MessageContent, desk: Desk): unknown {
  const { text } = desk
  const { request, reply } = message
  if (request === undefined || reply === undefined) {
    // Its reply stands above.
    if (reply !== undefined) return nothing
    const why = whyGrey(desk, 'message', true)
    return why === '' ? nothing : html`<p>${why}</p>`
  }
  if (request === null && reply === null) return html`<p>${text('story.gone')}</p>`
  return html`${sideBySide({ controlId: message.controlId, request, reply }, desk)}
  ${originalView(message, desk)}`
}
