// The newest of what a feed brings, the newest first, and what waits while the reader looks.

/** Recent keeps at most so many of them. */
export class Recent<T> {
  shown: T[] = []
  paused = false
  private waiting: T[] = []
  private count = 0

  constructor(readonly max: number) {}

  /** waits is how many came since the pause. */
  get waits(): number {
    return this.count
  }

  add(item: T): void {
    if (this.paused) {
      this.waiting = [item, ...this.waiting].slice(0, this.max)
      this.count++
    } else {
      this.shown = [item, ...this.shown].slice(0, this.max)
    }
  }

  pause(): void {
    this.paused = true
  }

  /** goOn shows what came meanwhile. */
  goOn(): void {
    this.paused = false
    this.shown = [...this.waiting, ...this.shown].slice(0, this.max)
    this.waiting = []
    this.count = 0
  }
}
