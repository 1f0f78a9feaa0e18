import type { Figure } from './grid'

/** columns are the figures of a row, as the documentation orders them. */
export const columns: { figure: Figure; title: string }[] = [
  { figure: 'onHand', title: 'On hand' },
  { figure: 'available', title: 'Available' },
  { figure: 'allocated', title: 'Allocated' },
  { figure: 'pending', title: 'Pending' },
  { figure: 'safetyStock', title: 'Safety stock' },
  { figure: 'floor', title: 'Floor' },
]

/**
 * heights of rows in pixels, as RecordBlock has them (that of a record with the border around it), and the gap between
 * records: so the grid knows where each is without measuring.
 */
export const heights = {
  wide: { record: 48, segment: 34, sum: 34, gap: 10 },
  narrow: { record: 82, segment: 104, sum: 92, gap: 10 },
}
