package stockfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Parts cuts a stock file into files of at most RowsMax rows and about ChunkBytesMax bytes each, with the header of the
// whole. Where a part ends depends on the file alone, as it is with chunks; and as each part has at most one report's
// rows, all bad rows of a file of any length can be told. It does not look at what is in the cells.
type Parts struct {
	csv         *csvReader   // nil: NDJSON
	lines       *lineReader  // nil: CSV
	raw         bytes.Buffer // what csv has read ahead, and the rows of the next part
	header      []byte
	headerLines int
	taken       int64 // of the bytes that csv has read as rows
	before      int   // lines of the file before the next part
	begun       bool
	err         error // that ended the file
}

// Part is some rows of a file, as a file of their own.
type Part struct {
	Text []byte // valid until the part is filled again
	Rows int

	headerLines, before int
}

// Line gives the line of the whole file that a line of the part is.
func (p *Part) Line(line int) int {
	if line <= p.headerLines {
		return line
	}
	return line - p.headerLines + p.before
}

// NewParts makes the parts of a file.
func NewParts(in io.Reader, format Format) *Parts {
	f := &Parts{}
	if format == NDJSON {
		f.lines = newLineReader(in, &Options{})
		return f
	}
	f.csv = newCSVReader(in, &Options{})
	f.csv.copy = &f.raw
	return f
}

// Next fills the part with the next rows: false at the end of the file. A file without rows has one part, so that its
// header is looked at. After an error, a *FileError or one of the input's, the part is not whole.
func (f *Parts) Next(p *Part) (bool, error) {
	*p = Part{Text: p.Text[:0]}
	if f.err == nil {
		if f.lines != nil {
			f.nextLines(p)
		} else {
			f.nextCSV(p)
		}
	}
	first := !f.begun
	f.begun = true
	if f.err != nil && !errors.Is(f.err, io.EOF) {
		return false, f.err
	}
	return p.Rows > 0 || first, nil
}

// nextCSV takes the next rows of a CSV file. A row with a fault is one too.
func (f *Parts) nextCSV(p *Part) {
	if !f.begun {
		if _, f.err = f.csv.open(); f.err != nil {
			return
		}
		f.header = bytes.Clone(f.take())
		f.headerLines = f.before
	}
	p.Text = append(p.Text, f.header...)
	p.headerLines, p.before = f.headerLines, f.before
	for begin := f.csv.bytes(); p.Rows < RowsMax && f.csv.bytes()-begin < ChunkBytesMax; p.Rows++ {
		if _, _, f.err = f.csv.cells(); f.err != nil {
			break
		}
	}
	p.Text = append(p.Text, f.take()...)
}

// take gives the bytes of what csv has read as rows since the last time.
func (f *Parts) take() []byte {
	text := f.raw.Next(int(f.csv.bytes() - f.taken))
	f.taken = f.csv.bytes()
	f.before += bytes.Count(text, []byte("\n"))
	return text
}

// nextLines takes the next lines of an NDJSON file. Of one that is too long, the part has enough for this to be found.
func (f *Parts) nextLines(p *Part) {
	p.before = f.lines.line
	for p.Rows < RowsMax && len(p.Text) < ChunkBytesMax {
		line, err := f.lines.in.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			f.err = err
			return
		}
		f.lines.line++
		p.Text = append(p.Text, line...)
		if len(bytes.TrimSpace(line)) > 0 {
			p.Rows++
		}
		switch {
		case errors.Is(err, io.EOF): // the next read tells it
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			f.err = err
			return
		case err != nil:
			p.Text = append(p.Text, '\n')
			if f.err = f.lines.skipLine(); f.err != nil {
				return
			}
		}
	}
}
