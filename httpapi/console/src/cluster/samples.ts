// What charts of the cluster page show: a sample for each look at /metrics.
import { perSecond, quantile, type Look } from './metrics'

/** took is the histogram of requests, and sync that of the disk. */
export const took = 'apportion_http_request_duration_seconds'
export const sync = 'apportion_log_sync_seconds'

/** allocates picks the requests that allocate. */
export const allocates = (labels: string) => labels.includes('/allocate"')

/** Sample is what happened between two looks; null is nothing to measure. */
export interface Sample {
  /** at is in seconds. */
  at: number
  requests: number
  commands: number
  allocateHalf: number | null
  allocateMost: number | null
  syncHalf: number | null
  syncMost: number | null
  /** logBytes are written to the log, a second. */
  logBytes: number
}

/** sampleOf makes a sample of two looks, at a time in milliseconds. */
export function sampleOf(before: Look, now: Look, at: number): Sample {
  return {
    at: at / 1000,
    requests: perSecond(before, now, 'apportion_http_requests_total'),
    commands: perSecond(before, now, 'apportion_commands_total'),
    allocateHalf: quantile(before, now, took, 0.5, allocates) ?? null,
    allocateMost: quantile(before, now, took, 0.99, allocates) ?? null,
    syncHalf: quantile(before, now, sync, 0.5) ?? null,
    syncMost: quantile(before, now, sync, 0.99) ?? null,
    logBytes: perSecond(before, now, 'apportion_log_bytes_total'),
  }
}
