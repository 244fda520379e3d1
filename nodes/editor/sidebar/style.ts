import { addStyle } from '../add-style.ts'

/**
 * Only Node-RED's own colours, because they change with its theme. Text has the primary colour
 * throughout: the secondary one of Node-RED 4 has too little contrast for small text.
 */
const css = `
.hl7-https-tab { height: 100%; container: hl7-https-tab / size; font-size: 12px; line-height: 1.45;
  color: var(--red-ui-primary-text-color); background: var(--red-ui-secondary-background); }
.hl7-https-frame { position: relative; display: flex; flex-direction: column; height: 100%; }
.hl7-https-tab [hidden] { display: none !important; }
.hl7-https-tab h1, .hl7-https-tab h2, .hl7-https-tab h3, .hl7-https-tab h4 { margin: 0; line-height: 1.3;
  font-weight: bold; color: var(--red-ui-primary-text-color); }
.hl7-https-tab h1, .hl7-https-tab h3, .hl7-https-tab h4 { font-size: 11px; letter-spacing: 0.04em; text-transform: uppercase; }
.hl7-https-tab h2 { font-size: 15px; }
.hl7-https-tab p { margin: 0; }
.hl7-https-tab p:empty, .hl7-https-tab footer:not(:has(p:not(:empty), .hl7-https-question:not([hidden]))) { display: none; }
.hl7-https-tab ul { list-style: none; margin: 0; padding: 0; }
.hl7-https-tab select, .hl7-https-tab input[type=text] { margin: 0; height: 26px; padding: 2px 5px; font-size: 12px;
  width: auto; min-width: 0; box-sizing: border-box; }
.hl7-https-tab label { margin: 0; font-size: 12px; }
.hl7-https-tab .hl7-https-frame .red-ui-button.red-ui-button-small:not(.disabled) { color: var(--red-ui-primary-text-color) !important; }
.hl7-https-tab .red-ui-button { flex: none; font-size: 12px; line-height: 20px; }
.hl7-https-tab .hl7-https-yes { font-weight: bold; }
.hl7-https-tab .red-ui-button.disabled { color: var(--red-ui-secondary-text-color-disabled); cursor: default; }
.hl7-https-tab .red-ui-button[aria-busy=true] { border-style: dashed; cursor: progress; }
.hl7-https-tab :is(button, tr, h2, h3, pre, select):focus-visible { outline: 2px solid var(--red-ui-form-input-focus-color);
  outline-offset: -2px; }
.hl7-https-ear { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.hl7-https-head { display: flex; align-items: center; gap: 8px; padding: 8px 10px 4px; }
.hl7-https-head h1 { flex: 1 1 auto; }
.hl7-https-clock { font-variant-numeric: tabular-nums; }
.hl7-https-summary { padding: 0 10px 6px; font-weight: bold; }
.hl7-https-trouble { padding: 6px 10px; border-left: 3px solid var(--red-ui-border-color-error);
  background: var(--red-ui-tertiary-background); }
.hl7-https-frame > .hl7-https-scroll { flex: 0 1 auto; min-height: 84px; max-height: 40%; overflow: auto;
  border-top: 1px solid var(--red-ui-secondary-border-color); }
.hl7-https-below { flex: 1 1 0; min-height: 0; overflow: auto; }
.hl7-https-below > section { padding: 8px 10px; border-top: 1px solid var(--red-ui-secondary-border-color); }
.hl7-https-tab footer { flex: none; border-top: 1px solid var(--red-ui-primary-border-color); }
.hl7-https-outcome { padding: 6px 10px; border-left: 3px solid var(--red-ui-border-color-success); }
.hl7-https-outcome[data-level=bad] { border-color: var(--red-ui-border-color-error); }
.hl7-https-question { padding: 8px 10px; background: var(--red-ui-tertiary-background); }
.hl7-https-question > * { display: block; margin-bottom: 6px !important; }
.hl7-https-question input[type=text] { width: 100% !important; }
.hl7-https-question input[type=checkbox] { width: auto; margin: 0 3px 0 0; }
.hl7-https-question-title { font-weight: bold; }

.hl7-https-dot { display: inline-block; width: 9px; height: 9px; margin-right: 6px; border-radius: 50%; flex: none;
  box-sizing: border-box; border: 2px solid var(--red-ui-secondary-text-color); }
.hl7-https-dot[data-level=bad] { background: var(--red-ui-text-color-error); border-color: var(--red-ui-text-color-error); border-radius: 0; }
.hl7-https-dot[data-level=warn] { border-color: var(--red-ui-text-color-warning); background: var(--red-ui-text-color-warning); border-radius: 0; transform: rotate(45deg) scale(0.85); }
.hl7-https-dot[data-level=busy] { border-color: var(--red-ui-text-color-link); background: var(--red-ui-text-color-link); }
.hl7-https-dot[data-level=good] { border-color: var(--red-ui-text-color-success); background: var(--red-ui-text-color-success); }

.hl7-https-rows { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.hl7-https-rows tr { cursor: pointer; }
.hl7-https-rows tbody tr { border-bottom: 1px solid var(--red-ui-secondary-border-color); }
.hl7-https-rows tbody tr:hover { background: var(--red-ui-list-item-background-hover); }
.hl7-https-rows tbody tr[aria-selected=true] { background: var(--red-ui-list-item-background-selected);
  box-shadow: inset 3px 0 var(--red-ui-form-input-focus-color); }
.hl7-https-rows th { font-size: 11px; font-weight: normal; text-align: left; text-transform: uppercase; white-space: nowrap; }
.hl7-https-rows :is(th, td) { padding: 3px 6px; }
.hl7-https-rows :is(th, td):first-child { padding-left: 10px; }
.hl7-https-cell-node > span:not(.hl7-https-dot) { font-weight: bold; }
.hl7-https-rows td { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.hl7-https-rows td.hl7-https-cell-controlId { font-family: var(--red-ui-monospace-font); }

/* Too low for two parts that scroll: all of it scrolls. */
@container hl7-https-tab (max-height: 559px) {
  .hl7-https-frame { overflow: auto; }
  .hl7-https-frame > .hl7-https-scroll { flex: none; max-height: 220px; }
  .hl7-https-below { flex: none; overflow: visible; }
  .hl7-https-tab footer { position: sticky; bottom: 0; background: var(--red-ui-secondary-background); }
}
@container hl7-https-tab (max-width: 519px) {
  .hl7-https-rows thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .hl7-https-rows, .hl7-https-rows tbody { display: block; }
  .hl7-https-rows tbody tr { display: flex; flex-wrap: wrap; gap: 0 8px; padding: 4px 10px; }
  .hl7-https-rows tbody td, .hl7-https-rows tbody td:first-child { padding: 0; display: block; flex: none; }
  .hl7-https-rows tbody .hl7-https-fold { display: none; }
  /* A break between the two lines. */
  .hl7-https-rows tbody tr::after { content: ''; flex-basis: 100%; height: 0; order: 2; }
  .hl7-https-rows tbody td:is(.hl7-https-cell-node, .hl7-https-cell-controlId) { flex: 1 1 0; order: 1; }
  .hl7-https-rows tbody td:is(.hl7-https-cell-state, .hl7-https-cell-since, .hl7-https-cell-type) { order: 1; }
  .hl7-https-rows tbody td:is(.hl7-https-cell-why, .hl7-https-cell-said) { flex: 1 1 0; order: 3; }
  .hl7-https-rows tbody td:is(.hl7-https-cell-wait, .hl7-https-cell-susp, .hl7-https-cell-oldest, .hl7-https-cell-tries) { order: 4; }
}
@container hl7-https-tab (min-width: 520px) {
  .hl7-https-unit { display: none; }
  .hl7-https-rows td:is(.hl7-https-cell-why, .hl7-https-cell-said) { width: 100%; max-width: 0; }
  .hl7-https-rows td:is(.hl7-https-cell-node, .hl7-https-cell-controlId) { max-width: 150px; }
  .hl7-https-rows :is(.hl7-https-cell-wait, .hl7-https-cell-susp, .hl7-https-cell-perMinute, .hl7-https-cell-tries) { text-align: right; }
}
@container hl7-https-tab (min-width: 520px) and (max-width: 679px) {
  .hl7-https-rows :is(.hl7-https-cell-lastAck, .hl7-https-cell-perMinute) { display: none; }
}

.hl7-https-tab .hl7-https-find { margin: 0; padding: 6px 10px; border-top: 1px solid var(--red-ui-secondary-border-color);
  background: var(--red-ui-tertiary-background); }
.hl7-https-find-row { display: flex; align-items: center; gap: 6px; }
.hl7-https-find-row input[type=text] { flex: 1 1 0; }
.hl7-https-find p { padding-top: 4px; }
.hl7-https-find ul { max-height: 130px; overflow: auto; }
.hl7-https-find li { display: flex; align-items: center; gap: 8px; padding-top: 4px; }
.hl7-https-find li span { flex: 1 1 0; overflow-wrap: anywhere; }

.hl7-https-name { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 8px; }
.hl7-https-where, .hl7-https-facts, .hl7-https-count { overflow-wrap: anywhere; }
.hl7-https-why { padding: 2px 0 2px 8px !important; margin: 4px 0 !important; border-left: 3px solid var(--red-ui-secondary-border-color); overflow-wrap: anywhere; }
.hl7-https-why[data-level=bad] { border-color: var(--red-ui-border-color-error); }
.hl7-https-why[data-level=warn] { border-color: var(--red-ui-border-color-warning); }
.hl7-https-why[data-level=good] { border-color: var(--red-ui-border-color-success); }
.hl7-https-buttons { display: flex; flex-wrap: wrap; gap: 5px; margin: 6px 0; }
.hl7-https-pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(110px, 1fr)); gap: 4px 12px; margin: 8px 0; }
.hl7-https-picture { display: grid; grid-template-columns: 1fr auto; column-gap: 6px; }
.hl7-https-picture svg { grid-column: 1 / 3; width: 100%; height: 18px; border-bottom: 1px solid var(--red-ui-primary-border-color); }
.hl7-https-picture path { fill: none; stroke-width: 1; stroke: var(--red-ui-secondary-text-color); }
.hl7-https-picture-acked path { stroke: var(--red-ui-text-color-success); }
.hl7-https-picture-naked path { stroke: var(--red-ui-text-color-warning); }
.hl7-https-picture-failed path { stroke: var(--red-ui-text-color-error); }
.hl7-https-figure { font-weight: bold; font-variant-numeric: tabular-nums; }
.hl7-https-heading { display: flex; align-items: center; gap: 8px; margin-bottom: 4px; }
.hl7-https-heading :is(h3, h4) { flex: 1 1 auto; }
.hl7-https-filter { display: flex; gap: 5px; margin-bottom: 4px; }
.hl7-https-filter input[type=text] { flex: 1 1 0; }
/* The longest of the three words. */
.hl7-https-filter input[type=text]:first-child { flex-grow: 1.5; }
.hl7-https-messages > .hl7-https-scroll { max-height: 260px; overflow: auto; margin: 0 -10px; }
.hl7-https-content pre { margin: 2px 0 8px; max-height: 240px; overflow: auto; padding: 5px; font-size: 11px; white-space: pre;
  word-break: normal; color: var(--red-ui-primary-text-color); background: var(--red-ui-tertiary-background);
  border: 1px solid var(--red-ui-secondary-border-color); }
.hl7-https-events li { display: flex; gap: 8px; padding: 2px 0; }
.hl7-https-events time { flex: none; font-variant-numeric: tabular-nums; }
.hl7-https-events li span { overflow-wrap: anywhere; }
`

/** Adds the style of the tab to the page, once. */
export function addTabStyle(): void {
  addStyle('hl7-https-tab-style', css)
}
