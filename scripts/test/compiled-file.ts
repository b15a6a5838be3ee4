import { fileURLToPath } from 'node:url'

/** Where everything is that a run of the tests leaves behind. */
export const LEAVINGS = fileURLToPath(new URL('../../build/tests', import.meta.url))

/** Where the tests are once they are compiled. */
export const COMPILED = `${LEAVINGS}/js`

/** @param file path of a test from the root of the project */
export const compiledFile = (file: string): string => `${COMPILED}/${file.replace(/\.ts$/, '.js')}`
