/** The sidebar tab listens to this topic; everybody with `status.read` receives it. */
export const TICK_TOPIC = 'hl7-https-out/changed'
