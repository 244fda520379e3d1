/** Put in by the build. */
declare const PACKAGE_VERSION: string | undefined

/** Of this package, such as `1.0.0`; `''` where the sources run as they are. */
export const packageVersion = typeof PACKAGE_VERSION === 'undefined' ? '' : PACKAGE_VERSION
