// A stock file cut into parts, each a file of its own, as the server's package stockfile cuts it. Where a part ends depends
// on the file alone: so each part of a file that is sent again has the same idempotency key.

export type Format = 'csv' | 'ndjson'

/** Limits of a part, those of the server's chunks. */
export const partRowsMax = 12_000
export const partBytesMax = 4 << 20

/** rowBytesMax bounds a row. A longer one is most likely a quote that is never closed. */
export const rowBytesMax = 64 << 10

const lineFeed = 10
const carriageReturn = 13
const quote = 34

/** FileFault means that a file cannot be read on. */
export class FileFault extends Error {}

/** Part is some rows of a file, after its header. */
export class Part {
  constructor(
    readonly format: Format,
    readonly separator: string,
    readonly header: Uint8Array,
    readonly rows: Uint8Array,
    /** rowCount is about how many rows there are: the server counts them. */
    readonly rowCount: number,
    /** before is the number of lines of the file before the part's rows. */
    readonly before: number,
  ) {}

  /** body is the part as a file. */
  get body(): Uint8Array<ArrayBuffer> {
    const body = new Uint8Array(this.header.length + this.rows.length)
    body.set(this.header)
    body.set(this.rows, this.header.length)
    return body
  }

  /** lineOf gives the line of the whole file that a line of the part is. */
  lineOf(line: number): number {
    const heading = linesOf(this.header)
    return line <= heading ? line : line - heading + this.before
  }

  /** texts gives the rows that begin at lines of the part, which rise. */
  texts(lines: number[]): string[] {
    const heading = linesOf(this.header)
    let line = heading + 1
    let at = 0
    return lines.map((wanted) => {
      if (wanted <= heading) return textOf(this.header)
      for (; line < wanted && at < this.rows.length; line++) {
        const end = this.rows.indexOf(lineFeed, at)
        at = end < 0 ? this.rows.length : end + 1
      }
      return textOf(this.rows.subarray(at, endOfRow(this.rows, at, this.format, this.separator)))
    })
  }
}

function linesOf(bytes: Uint8Array): number {
  let lines = 0
  for (const byte of bytes) if (byte === lineFeed) lines++
  return lines
}

const textBytesMax = 4096

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, textBytesMax)).replace(/[\r\n]+$/, '')
}

/** separatorOf is the separator that the first line of a CSV file tells. */
export function separatorOf(line: string): string {
  return line.includes(',') ? ',' : (/[;\t]/.exec(line)?.[0] ?? ',')
}

// The places in a row of CSV. A quote opens a cell only at its beginning; a row with another one is bad, and ends with its
// line.
const enum At {
  Row,
  RowReturn,
  Cell,
  Plain,
  Quoted,
  QuotedQuote,
  Bad,
}

/** step gives the place behind a byte. At.Row means that the byte ended a line and its row. */
function step(at: At, byte: number, separator: number): At {
  if (byte === lineFeed) return at === At.Quoted ? At.Quoted : At.Row
  switch (at) {
    case At.Row:
    case At.Cell:
      if (byte === quote) return At.Quoted
      if (byte === carriageReturn && at === At.Row) return At.RowReturn
      return byte === separator ? At.Cell : At.Plain
    case At.RowReturn:
    case At.Plain:
      if (byte === quote) return At.Bad
      return byte === separator ? At.Cell : At.Plain
    case At.Quoted:
      return byte === quote ? At.QuotedQuote : At.Quoted
    case At.QuotedQuote:
      if (byte === quote) return At.Quoted
      return byte === separator ? At.Cell : At.Bad
    case At.Bad:
      return At.Bad
  }
}

function endOfRow(bytes: Uint8Array, from: number, format: Format, separator: string): number {
  const comma = separator.charCodeAt(0)
  let place = At.Row
  for (let i = from; i < bytes.length; i++) {
    place = format === 'csv' ? step(place, bytes[i]!, comma) : bytes[i] === lineFeed ? At.Row : At.Plain
    if (place === At.Row) return i + 1
  }
  return bytes.length
}

/** Splitter cuts a file that comes in pieces. */
export class Splitter {
  private header?: Uint8Array
  private separator = ','
  private bytes = new Uint8Array(256 << 10)
  private length = 0
  /** scanned is how much of bytes has been looked at, and rowBegin where the present row begins. */
  private scanned = 0
  private rowBegin = 0
  private place = At.Row
  private rowCount = 0
  private lines = 0
  private before = 0
  /** dropped tells that the present line is too long, and that its rest is left out. */
  private dropped = false

  constructor(readonly format: Format) {
    if (format === 'ndjson') this.header = new Uint8Array()
  }

  /** push takes a piece, and gives the parts that are whole. */
  push(piece: Uint8Array): Part[] {
    const parts: Part[] = []
    // A long piece is taken in slices, so that a part is not copied more often than it is long.
    for (let i = 0; i < piece.length; i += 256 << 10) {
      this.add(piece.subarray(i, i + (256 << 10)))
      this.scan(parts)
    }
    return parts
  }

  /** end gives the last part. A file without rows has one, so that the server looks at its header. */
  end(first: boolean): Part[] {
    if (this.place !== At.Row && this.place !== At.RowReturn) this.rowCount++
    if (!this.header) {
      this.header = this.bytes.slice(0, this.length)
      this.separator = separatorOf(textOf(this.header))
      this.length = this.rowCount = 0
    }
    return this.rowCount > 0 || first ? [this.part(this.length)] : []
  }

  private add(piece: Uint8Array): void {
    if (this.length + piece.length > this.bytes.length) {
      const grown = new Uint8Array(2 * Math.max(this.bytes.length, this.length + piece.length))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    this.bytes.set(piece, this.length)
    this.length += piece.length
  }

  private scan(parts: Part[]): void {
    if (this.format === 'csv' && !this.header && this.lines === 0) {
      const end = this.bytes.subarray(0, this.length).indexOf(lineFeed)
      if (end < 0 && this.length <= rowBytesMax) return
      this.separator = separatorOf(textOf(this.bytes.subarray(0, end < 0 ? this.length : end)))
    }
    const separator = this.separator.charCodeAt(0)
    let kept = this.scanned // where the bytes go that stay
    for (let i = this.scanned; i < this.length; i++) {
      const byte = this.bytes[i]!
      const before = this.place
      if (this.format === 'csv') this.place = step(before, byte, separator)
      else if (byte === lineFeed) this.place = At.Row
      else if (byte > 32) this.place = At.Plain
      if (byte === lineFeed) this.lines++
      if (this.dropped && byte !== lineFeed) continue
      this.bytes[kept++] = byte
      if (kept - this.rowBegin > rowBytesMax && this.place !== At.Row) {
        if (this.format === 'csv') throw new FileFault(tooLong(this.lines + 1))
        this.dropped = true
      }
      if (byte !== lineFeed || this.place !== At.Row) continue
      this.dropped = false
      this.rowBegin = kept
      // An empty line is no row.
      if (before === At.Row || before === At.RowReturn) continue
      if (!this.header) this.header = this.bytes.slice(0, kept)
      else if (++this.rowCount < partRowsMax && kept < partBytesMax) continue
      else parts.push(this.part(kept))
      this.cut(i + 1)
      kept = 0
      i = -1
    }
    this.length = this.scanned = kept
  }

  /** cut begins the next part with what comes from a place on. */
  private cut(from: number): void {
    this.bytes.copyWithin(0, from, this.length)
    this.length -= from
    this.rowBegin = this.rowCount = 0
    this.before = this.lines
  }

  private part(length: number): Part {
    return new Part(this.format, this.separator, this.header!, this.bytes.slice(0, length), this.rowCount, this.before)
  }
}

function tooLong(line: number): string {
  return `The row before line ${line + 1} is longer than ${rowBytesMax / 1024} KB: is a quote never closed?`
}

/** partsOf cuts a stream. */
export async function* partsOf(stream: ReadableStream<Uint8Array>, format: Format): AsyncGenerator<Part> {
  const splitter = new Splitter(format)
  const reader = stream.getReader()
  let first = true
  try {
    for (;;) {
      const { done, value } = await reader.read()
      const parts = done ? splitter.end(first) : splitter.push(value)
      for (const part of parts) {
        first = false
        yield part
      }
      if (done) return
    }
  } finally {
    void reader.cancel().catch(() => {})
  }
}
