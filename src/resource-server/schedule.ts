/**
 * Runs a task once, later.
 * @param delay milliseconds
 * @returns takes it back
 */
export type Schedule = (task: () => void, delay: number) => () => void

/** With a timer that keeps no process alive. */
export const scheduleWithNode: Schedule = (task, delay) => {
  const timer = setTimeout(task, delay).unref()
  return () => clearTimeout(timer)
}
