// What was typed about categories and is not saved yet: kept while the console is open.
import type { Category, Draft } from './category'

interface Kept {
  /** base is the category that the draft began with; a new one has none. */
  base: Category | undefined
  /** since is the log index as of which base was read. */
  since: number
  draft: Draft
}

const kept = new Map<string, Kept>()

/** keptDraft gives what was kept of a category; a new one has the name ''. */
export const keptDraft = (name: string): Kept | undefined => kept.get(name)

/** keepDraft keeps what was typed about a category, or forgets it. */
export function keepDraft(name: string, draft: Kept | undefined): void {
  if (draft) kept.set(name, draft)
  else kept.delete(name)
}
