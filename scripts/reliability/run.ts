import { main } from './main.ts'
import { check as kill } from './r-01-kill.ts'

// In the order in which a fault would matter.
await main([kill], process.argv.slice(2))
