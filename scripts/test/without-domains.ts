// Loaded by a lane before tap. tap follows every promise and every timer to the test that it belongs to, so that what is thrown from
// nowhere finds its test; half of the time went there. In a lane it belongs to the file whose turn it is (lane.ts).
import asyncHooks, { type AsyncHook } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

const idle: AsyncHook = { enable: () => idle, disable: () => idle }
asyncHooks.createHook = () => idle
syncBuiltinESMExports()
