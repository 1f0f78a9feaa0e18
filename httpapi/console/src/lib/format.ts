// Figures and times as people read them.

const numbers = new Intl.NumberFormat()

/** units writes a number of units by the viewer's locale. */
export function units(value: number): string {
  return value < 0 ? `−${numbers.format(-value)}` : numbers.format(value)
}

/** counted writes a number with its noun, which takes an s unless it is one. */
export function counted(value: number, noun: string): string {
  return `${units(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** signed writes a change, always with its sign. */
export function signed(value: number): string {
  return value > 0 ? `+${numbers.format(value)}` : value < 0 ? `−${numbers.format(-value)}` : '0'
}

/** percent writes a percentage with at most two decimals. */
export function percent(value: number): string {
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(value)} %`
}

/** rate writes a number a second, short. */
export function rate(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 10 ? 1 : 0
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(value)
}

/** duration writes seconds in the unit that fits. */
export function duration(seconds: number): string {
  if (seconds === 0) return '0 s'
  if (seconds < 0.001) return `${rate(seconds * 1e6)} µs`
  if (seconds < 1) return `${rate(seconds * 1e3)} ms`
  if (seconds < 120) return `${rate(seconds)} s`
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 2 * 86400) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86400)} days`
}

/** bytes writes a size. */
export function bytes(value: number): string {
  const names = ['B', 'KB', 'MB', 'GB', 'TB']
  let at = 0
  while (value >= 1024 && at < names.length - 1) {
    value /= 1024
    at++
  }
  return `${rate(value)} ${names[at]}`
}

/** local writes a time in the viewer's zone. */
export function local(iso: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso))
}

/** utc writes a time in UTC. */
export function utc(iso: string): string {
  return new Date(iso).toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC')
}

/** age says how long ago a time was. */
export function age(iso: string, now: number): string {
  return duration(Math.max(0, Math.round((now - new Date(iso).getTime()) / 1000)))
}

/** tickTime writes a time in seconds on an axis that spans so many seconds. */
export function tickTime(at: number, span: number): string {
  const day = { day: 'numeric', month: 'short' } as const
  const minute = { hour: '2-digit', minute: '2-digit' } as const
  const form = span > 2 * 86_400 ? day : span > 86_400 ? { ...day, ...minute } : span > 600 ? minute : { ...minute, second: '2-digit' as const }
  return new Intl.DateTimeFormat(undefined, form).format(new Date(at * 1000))
}
