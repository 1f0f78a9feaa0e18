package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// The marks around the tables in a document. The rest of it is written by hand.
const (
	markBegin = "<!-- bench/compare begins: written by make bench-compare, changes here are lost -->"
	markEnd   = "<!-- bench/compare ends -->"
)

// report prints the tables, and writes them into the document if one is named.
func (c *comparison) report(stdout io.Writer) error {
	text := c.markdown()
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if c.doc == "" {
		return nil
	}
	old, err := os.ReadFile(c.doc)
	if err != nil {
		return err
	}
	changed, err := between(string(old), text)
	if err != nil {
		return fmt.Errorf("%s: %w", c.doc, err)
	}
	return os.WriteFile(c.doc, []byte(changed), 0o644)
}

// between replaces what is between the marks.
func between(document, text string) (string, error) {
	before, rest, ok := strings.Cut(document, markBegin)
	_, after, ended := strings.Cut(rest, markEnd)
	if !ok || !ended {
		return "", fmt.Errorf("the marks %q and %q are missing", markBegin, markEnd)
	}
	return before + markBegin + "\n" + text + markEnd + after, nil
}

func (c *comparison) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s, `%s`. %s; load generator and servers share them. All data on %s. Load average %s "+
		"before, %s after.\n",
		c.started.Format("2006-01-02 15:04"), command(os.Args[1:]), machine(), filesystemOf(c.dir), c.loadBefore,
		loadAverage())
	fmt.Fprintf(&out, "%s%s; %s.\n", versionOf(c.server), checkout(), strings.Join(c.tools.versions, "; "))
	if c.before != "" {
		fmt.Fprintf(&out, "The commit before: %s, `%s`.\n", versionOf(c.before), c.before)
	}
	fmt.Fprintf(&out, "%d turns of %s each, %d records (hot: one).", c.turns, c.turn, c.records)
	if c.remark != "" {
		fmt.Fprintf(&out, " **%s**", c.remark)
	}
	fmt.Fprintf(&out, "\n\n")
	c.writeTable(&out)
	out.WriteString("\n")
	c.writeTargets(&out)
	c.writeOwn(&out)
	return out.String()
}

func (c *comparison) writeTable(out *strings.Builder) {
	out.WriteString("| what | way | records | connections | lines/s | p50 ms | p99 ms | server CPU a line " +
		"|\n|---|---|---|---|---|---|---|---|\n")
	for _, e := range c.entries {
		f := e.of.figures()
		records := "uniform"
		if e.hot {
			records = "one hot"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %d | %s | %.2f | %.2f | %.1f us |\n", e.product, e.way, records,
			e.connections, thousands(f.perSecond),
			milliseconds(f.p50), milliseconds(f.p99), f.cpuEachMicros)
	}
}

func (c *comparison) writeTargets(out *strings.Builder) {
	out.WriteString("| target | wanted | measured | |\n|---|---|---|---|\n")
	for _, t := range c.targets() {
		measured := fmt.Sprintf("%.2fx", t.ratio)
		if t.display != "" {
			measured += " (" + t.display + ")"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", t.what, t.wanted, measured, t.verdict())
	}
}

// writeOwn writes the figures of our own log, of the disk, and of growth.
func (c *comparison) writeOwn(out *strings.Builder) {
	one, many := c.entry("one").of.figures(), c.entry("many").of.figures()
	fmt.Fprintf(out, "\nCommands to one synced write of our log: %.1f with 1 line (%.0f bytes each), %.1f with %d "+
		"lines (%.0f bytes each).\n",
		one.perSync, one.bytesEach, many.perSync, manyLines, many.bytesEach)
	fmt.Fprintf(out, "At %.0f requests/s: p50 %.2f ms, p99 %.2f ms; the client itself was late by %.2f ms (p99).\n",
		c.p70.rate, milliseconds(c.p70.of.p50), milliseconds(c.p70.of.p99), milliseconds(c.p70.of.late))
	fmt.Fprintf(out, "The handler that answers a constant, at %.0f requests/s: p50 %.2f ms, p99 %.2f ms.\n",
		c.floor.rate, milliseconds(c.floor.of.p50), milliseconds(c.floor.of.p99))
	fmt.Fprintf(out, "Three nodes: %.1f commands to one synced write.\n", c.entry("cluster").of.figures().perSync)
	fmt.Fprintf(out, "The disk: %d writes of 4 KB with fdatasync, p50 %.2f ms, p99 %.2f ms.\n", c.disk.syncs,
		milliseconds(c.disk.p50), milliseconds(c.disk.p99))
	for _, g := range c.growth {
		fmt.Fprintf(out, "%s segments: %s allocations/s, %.0f bytes of resident memory a segment.\n",
			thousands(float64(g.segments)), thousands(g.of.perSecond), g.bytesPerSegment)
	}
	out.WriteString("\n")
}

// thousands writes a whole number with commas.
func thousands(v float64) string {
	text := fmt.Sprintf("%.0f", v)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
