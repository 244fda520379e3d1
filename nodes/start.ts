/** What Node-RED's start loads, as one file of the build: `hl7-https-out.js`. */
export { default } from './hl7-https-out.ts'
export { default as tokenNode } from './oauth2-client-credentials.ts'
export { default as sidebar } from './operations/sidebar.ts'
