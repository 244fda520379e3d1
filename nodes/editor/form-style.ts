import { addStyle } from './add-style.ts'

/** Labels are 160px wide; with the gap that makes the 165px in `style` attributes of the forms. */
const css = `
/* Room for labels beside fields, unless the window is narrower. */
.hl7-https-form { container-type: inline-size; min-width: min(620px, 100vw - 380px); }
#hl7-https-out-form { min-width: min(720px, 100vw - 380px); }
.red-ui-tray-body:has(.hl7-https-form) { min-width: 0 !important; }
.hl7-https-form .form-row > label:first-child { width: 160px; box-sizing: border-box; padding-left: 20px; text-indent: -20px; }
.hl7-https-form .form-row > label i { width: 16px; text-align: center; text-indent: 0; }
.hl7-https-form .form-row > label > span:first-child:not(.hl7-https-required) { margin-left: 20px; }
.hl7-https-form .form-row > input[type=text],
.hl7-https-form .form-row > input[type=password],
.hl7-https-form .form-row > textarea,
.hl7-https-form .form-row > select { width: calc(100% - 165px); box-sizing: border-box; }
.hl7-https-form .form-row > input.hl7-https-number { width: 110px; }
.hl7-https-form .form-row > select.hl7-https-short,
.hl7-https-form .form-row > input.hl7-https-short { width: 160px; }
.hl7-https-form .form-row > select.hl7-https-half { width: 220px; }
.hl7-https-form .form-row > select.hl7-https-half:has(+ input[hidden]) { width: calc(100% - 165px); }
.hl7-https-form .form-row > input.hl7-https-rest { width: calc(100% - 393px); margin-left: 4px; }
.hl7-https-form [hidden] { display: none !important; }
.hl7-https-form .form-row > div > select { min-width: 0; }
.hl7-https-form .hl7-https-unit { margin-left: 6px; }
.hl7-https-form .hl7-https-hint,
.hl7-https-form .hl7-https-note,
.hl7-https-form .hl7-https-problem {
  margin: 4px 0 0 165px; max-width: 560px; font-size: 12px; line-height: 1.4;
  color: var(--red-ui-primary-text-color);
}
.hl7-https-form .hl7-https-hint a { color: inherit; text-decoration: underline; }
.hl7-https-form .form-row > .hl7-https-list-problem { margin-left: 0; }
.hl7-https-form .hl7-https-note:empty { display: none; }
.hl7-https-form .hl7-https-problem { color: var(--red-ui-text-color-error); }
.hl7-https-form .hl7-https-required { color: var(--red-ui-text-color-error); margin-left: 3px; }
.hl7-https-form .form-tips { margin: 0 0 12px 165px; max-width: none; }
.hl7-https-form .hl7-https-check { padding-left: 165px; }
.hl7-https-form .hl7-https-check > input { width: auto; margin: 0 6px 0 0; vertical-align: top; margin-top: 3px; }
.hl7-https-form .hl7-https-check > label { width: calc(100% - 30px); }
.hl7-https-form textarea.hl7-https-masked { -webkit-text-security: disc; resize: vertical; }
.hl7-https-form :is(h4, summary) { margin: 20px 0 10px; padding-top: 12px; font-size: 14px; font-weight: bold;
  border-top: 1px solid var(--red-ui-secondary-border-color); }
.hl7-https-form .red-ui-editableList-container { min-height: 40px; }
.hl7-https-panes { padding-top: 14px; }
.hl7-https-entry { display: flex; gap: 8px; align-items: flex-start; }
.hl7-https-entry > .hl7-https-entry-name { flex: 2 1 0; min-width: 80px; }
.hl7-https-entry > .hl7-https-entry-value { flex: 3 1 0; min-width: 160px; }
.hl7-https-entry input[type=text] { width: 100%; box-sizing: border-box; }
.hl7-https-tab-mark { color: var(--red-ui-text-color-error); margin-right: 6px; }
.hl7-https-form .hl7-https-beside { margin-left: 165px; display: flex; align-items: center; gap: 4px; }
.hl7-https-form .hl7-https-beside > .red-ui-button { flex: none; }
.hl7-https-form .hl7-https-result { margin: 8px 0 0 165px; max-width: 640px; line-height: 1.5;
  border-left: 3px solid var(--red-ui-secondary-border-color); padding-left: 10px; }
.hl7-https-form .hl7-https-result:empty { display: none; }
.hl7-https-form .hl7-https-result-title { font-weight: bold; }
.hl7-https-form .hl7-https-good { border-color: var(--red-ui-text-color-success); }
.hl7-https-form .hl7-https-bad { border-color: var(--red-ui-text-color-error); }
.hl7-https-form .hl7-https-good .hl7-https-result-title i { color: var(--red-ui-text-color-success); }
.hl7-https-form .hl7-https-bad .hl7-https-result-title i { color: var(--red-ui-text-color-error); }
.hl7-https-form .hl7-https-result dl { display: grid; grid-template-columns: max-content 1fr;
  gap: 2px 12px; margin: 4px 0; }
.hl7-https-form .hl7-https-result dt { font-weight: normal; color: var(--red-ui-primary-text-color); }
.hl7-https-form .hl7-https-result dd { margin: 0; overflow-wrap: anywhere; white-space: pre-line; }
.hl7-https-form .hl7-https-result pre { margin: 2px 0 8px; max-height: 180px; overflow: auto; font-size: 12px;
  white-space: pre; word-break: normal; color: var(--red-ui-primary-text-color);
  background: var(--red-ui-secondary-background); border: 1px solid var(--red-ui-secondary-border-color); }
.hl7-https-form .hl7-https-views { margin-left: 8px; }
.hl7-https-form .hl7-https-views .red-ui-button + .red-ui-button { border-left: 0; }
.hl7-https-form .hl7-https-views [aria-pressed=true] { background: var(--red-ui-secondary-background-selected) !important;
  box-shadow: inset 0 -2px var(--red-ui-form-input-focus-color); }
.hl7-https-form .hl7-https-rules-view { margin-top: 10px; }
.hl7-https-form .hl7-https-rules-bar { display: flex; gap: 10px; align-items: center; }
.hl7-https-form .hl7-https-rules-bar .red-ui-button { flex: none; }
.hl7-https-form .hl7-https-rule { display: flex; flex-wrap: wrap; gap: 4px 10px; }
.hl7-https-form .hl7-https-rule-when { flex: 3 1 320px; min-width: 0; display: flex; flex-direction: column; gap: 4px; }
.hl7-https-form .hl7-https-rule-line { display: flex; gap: 6px; align-items: center; }
.hl7-https-form .hl7-https-rule .red-ui-button { flex: none; }
.hl7-https-form .hl7-https-rule-note { flex-basis: 100%; margin: 0; padding: 4px 8px; font-size: 12px; white-space: pre-line; }
.hl7-https-form .hl7-https-underlined + .hl7-https-rule-note { margin-top: 6px; }
.hl7-https-form .hl7-https-rule-then { flex: 2 1 300px; min-width: 0; display: flex; gap: 8px; align-items: center; align-self: center; }
.hl7-https-form .hl7-https-rule select, .hl7-https-form .hl7-https-rule input[type=text] {
  flex: 1 1 0; min-width: 60px; width: auto; box-sizing: border-box; margin: 0; }
.hl7-https-form .hl7-https-rule .hl7-https-rule-condition { flex-grow: 2; min-width: 120px; }
.hl7-https-form #hl7-https-out-rules-list > li { padding-top: 3px; padding-bottom: 3px; }
.hl7-https-form .hl7-https-rule input.hl7-https-rule-value { flex: 0 1 60px; }
.hl7-https-form .hl7-https-rule input.hl7-https-rule-field { flex: 0 1 80px; }
.hl7-https-form .hl7-https-rule-own .hl7-https-rule-condition { flex-grow: 1; }
.hl7-https-form .hl7-https-rule-own .hl7-https-rule-value { flex: 2 1 0 !important; font-family: var(--red-ui-monospace-font); }
.hl7-https-form .hl7-https-rule label { flex: none; width: auto; margin: 0; white-space: nowrap; }
.hl7-https-form .hl7-https-rule label input { width: auto; margin: 0 2px 0 0; vertical-align: middle; }
.hl7-https-form .hl7-https-default .hl7-https-rule select,
.hl7-https-form .hl7-https-default .hl7-https-rule input[type=text] { background: var(--red-ui-secondary-background); border-style: dashed; }
.hl7-https-form #hl7-https-out-rules .hl7-https-hint, .hl7-https-form #hl7-https-out-rules > .hl7-https-problem { margin-left: 0; max-width: none; }
.hl7-https-form .hl7-https-hint p { margin: 0 0 6px; }
.hl7-https-form .hl7-https-underlined { position: relative; background: var(--red-ui-form-input-background); }
.hl7-https-form .hl7-https-underlined > textarea, .hl7-https-form .hl7-https-underlay {
  width: 100%; box-sizing: border-box; margin: 0; padding: 6px 8px; border-width: 1px; font: 13px/20px var(--red-ui-monospace-font);
  white-space: pre-wrap; overflow-wrap: break-word; overflow-y: scroll; letter-spacing: normal; }
.hl7-https-form .hl7-https-underlined > textarea { position: relative; display: block; background: transparent; resize: none; }
.hl7-https-form .hl7-https-underlay { position: absolute; inset: 0; border: 1px solid transparent; color: transparent; pointer-events: none; }
.hl7-https-form .hl7-https-underlay mark { background: none; color: inherit;
  text-decoration: underline wavy var(--red-ui-text-color-error) 2px; text-underline-offset: 3px; }
@container (max-width: 480px) {
  .hl7-https-form .form-row > label:first-child { width: 100%; }
  .hl7-https-form .form-row > input[type=text]:not(.hl7-https-number, .hl7-https-short),
  .hl7-https-form .form-row > :is(input[type=password], textarea),
  .hl7-https-form .form-row > select:not(.hl7-https-short),
  .hl7-https-form .form-row > input.hl7-https-rest,
  .hl7-https-form .form-row > div[style*="165px"],
  .hl7-https-form .form-row > .red-ui-typedInput-container { width: 100% !important; margin-left: 0; }
  .hl7-https-form .form-row > :is(.hl7-https-hint, .hl7-https-note, .hl7-https-problem, .hl7-https-result),
  .hl7-https-form :is(.form-tips, .hl7-https-beside) { margin-left: 0; }
  .hl7-https-form .hl7-https-check { padding-left: 0; }
  .hl7-https-form .hl7-https-rule-when, .hl7-https-form .hl7-https-rule-then { flex-basis: 100%; }
  .hl7-https-form .hl7-https-views { margin: 6px 0 0; display: block; }
  .hl7-https-form .hl7-https-rule-line, .hl7-https-entry { flex-wrap: wrap; }
  .hl7-https-entry > .hl7-https-entry-name, .hl7-https-entry > .hl7-https-entry-value { flex-basis: 100%; }
}
`

/** Adds the style of the forms to the page, once. */
export function addFormStyle(): void {
  addStyle('hl7-https-form-style', css)
}
