import type { Test } from 'tap'

let current: Test | undefined

/** Whose turn it is in this process. */
export const setCurrentFile = (test: Test): void => {
  current = test
}

/** What a test file imports as `tap`: the test that stands for the file itself. */
export default new Proxy({} as Test, {
  get(_target, name) {
    const test = current
    if (test === undefined) throw new Error('no file has its turn')
    const value: unknown = Reflect.get(test, name, test)
    return typeof value === 'function' ? (value.bind(test) as unknown) : value
  },
})
