// Figures from /metrics, the Prometheus text format: counters become rates between two looks.

/** Metrics are the values of one look, by name with labels. */
export type Metrics = Map<string, number>

/** parseMetrics reads the text format. */
export function parseMetrics(text: string): Metrics {
  const all: Metrics = new Map()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const end = line.lastIndexOf(' ')
    const value = Number(line.slice(end + 1).replace('+Inf', 'Infinity'))
    if (end > 0 && !Number.isNaN(value)) all.set(line.slice(0, end), value)
  }
  return all
}

/** Look is what /metrics said at a time in milliseconds. */
export interface Look {
  at: number
  metrics: Metrics
}

/** perSecond is the rate of all series of a counter that a test picks. */
export function perSecond(before: Look, now: Look, name: string, picks: (labels: string) => boolean = () => true): number {
  const seconds = (now.at - before.at) / 1000
  return seconds > 0 ? growth(before, now, name, picks) / seconds : 0
}

function growth(before: Look, now: Look, name: string, picks: (labels: string) => boolean): number {
  let sum = 0
  for (const [series, value] of now.metrics) {
    if (!isOf(series, name) || !picks(series.slice(name.length))) continue
    // A counter that fell began again with a new process.
    const old = before.metrics.get(series) ?? 0
    sum += value >= old ? value - old : value
  }
  return sum
}

function isOf(series: string, name: string): boolean {
  return series === name || series.startsWith(name + '{')
}

/** quantile is one of what a histogram saw between two looks, undefined if it saw nothing. */
export function quantile(before: Look, now: Look, name: string, q: number, picks: (labels: string) => boolean = () => true): number | undefined {
  const bounds = new Map<number, number>()
  for (const series of now.metrics.keys()) {
    if (!series.startsWith(name + '_bucket{') || !picks(series.slice(name.length + 7))) continue
    const le = /le="([^"]+)"/.exec(series)?.[1]
    if (le === undefined) continue
    const bound = le === '+Inf' ? Infinity : Number(le)
    bounds.set(bound, (bounds.get(bound) ?? 0) + growth(before, now, series, () => true))
  }
  const sorted = [...bounds].sort((a, b) => a[0] - b[0])
  const total = sorted.at(-1)?.[1] ?? 0
  if (total === 0) return undefined
  let low = 0
  let below = 0
  for (const [bound, count] of sorted) {
    if (count >= q * total) {
      if (bound === Infinity) return low
      return count === below ? bound : low + ((bound - low) * (q * total - below)) / (count - below)
    }
    low = bound
    below = count
  }
  return low
}
