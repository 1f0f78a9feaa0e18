import { expect, it } from 'vitest'
import { parseMetrics, perSecond, quantile } from './metrics'

const before = { at: 0, metrics: parseMetrics(`# HELP x so many
# TYPE x counter
requests{path="/a",status="2xx"} 10
requests{path="/b",status="4xx"} 5
other 7
took_bucket{path="/a",le="0.001"} 10
took_bucket{path="/a",le="0.002"} 10
took_bucket{path="/a",le="+Inf"} 10
`) }
const now = { at: 2000, metrics: parseMetrics(`requests{path="/a",status="2xx"} 30
requests{path="/b",status="4xx"} 2
requests{path="/c",status="2xx"} 4
other 7
took_bucket{path="/a",le="0.001"} 60
took_bucket{path="/a",le="0.002"} 110
took_bucket{path="/a",le="+Inf"} 110
`) }

it('makes rates of counters, also of new ones and after a restart', () => {
  expect(perSecond(before, now, 'requests')).toBe((20 + 2 + 4) / 2)
  expect(perSecond(before, now, 'requests', (labels) => labels.includes('2xx'))).toBe(12)
  expect(perSecond(before, now, 'other')).toBe(0)
  expect(perSecond(now, now, 'requests')).toBe(0)
})

it('finds quantiles between the bounds', () => {
  expect(quantile(before, now, 'took', 0.5)).toBeCloseTo(0.001)
  expect(quantile(before, now, 'took', 0.75)).toBeCloseTo(0.0015)
  expect(quantile(now, now, 'took', 0.5)).toBeUndefined()
})
