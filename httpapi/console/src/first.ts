// What the page needs first is asked for before what shows it is loaded. The page has this as a script of its own, too, which is
// small and waits for nothing.
import { ask, sessionPath } from './api/ahead'
import { firstPaths, readFilter } from './inventory/filter'

const [page, query] = location.hash.split('?')

ask(sessionPath)
if (['', '#/', '#/inventory'].includes(page!)) ask(...firstPaths(readFilter(new URLSearchParams(query))))
