import { counted } from '../../lib/text/counted.ts'

interface Ended {
  readonly sessions: number
  readonly tokenFamilies: number
  readonly codes: number
}

/** What of all that was issued has ended, for people. */
export const endedText = ({ sessions, tokenFamilies, codes }: Ended): string =>
  [
    counted(sessions, 'session'),
    counted(tokenFamilies, 'sign-in at apps', 'sign-ins at apps'),
    counted(codes, 'code'),
  ].join(', ')
