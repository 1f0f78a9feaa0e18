package remote

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/cmd/apportion/datafile"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
	"apportion/httpapi/stockfile"
)

const importDescription = `FILE is CSV with a header (upc, location, quantity, safetyStock, floor, ltd, deliveryDate, and a column for each tag category) or
NDJSON, compressed if its name ends with .gz or .zst; - is the standard input. It is sent in parts of 12,000 rows. Rows that are bad
are counted and shown, the others are applied, and the exit status is 3.

An import that was cut off goes on with the same file and the same --key: what was done is not done again.

--complete says that the file has all that there is at --location: what it does not name is set to zero at the end, but for what came
since the count began. Without --count, a count named import is opened first. If a row is bad, nothing is set to zero, and the count
stays open. To see first what would be set to zero: import with --count, then 'apportion count close --complete --dry-run'.

Examples:
  apportion import stock.csv --location Retailer2
  apportion import stock.csv.zst --dry-run --errors bad.csv     says what is wrong with the file, and changes nothing
  apportion import received.ndjson --action adjust
  zcat stock.gz | apportion import - --count 2026-11            what was counted, as of the start of the count
  apportion import stock.csv --location Retailer2 --complete    and there is nothing else`

func importCommand(stdout, stderr io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "import",
		Usage:       "load stock from a file",
		ArgsUsage:   "FILE",
		Description: importDescription,
		Flags: writeFlags(append(noteFlags(),
			&cli.StringFlag{Name: "action", Value: "refresh", Usage: "`WHAT` a quantity does: refresh (it is what is " +
				"on hand) or adjust (it is added)"},
			&cli.StringFlag{Name: "location", Usage: "`LOCATION` of rows that name none"},
			&cli.StringFlag{Name: "count", Usage: "`NAME` of the open stock count that the units were counted in"},
			formatFlag("the file's name"),
			&cli.BoolFlag{Name: "dry-run", Usage: "only say what is wrong with the file"},
			&cli.BoolFlag{Name: "all-or-nothing", Usage: "change nothing if a row is bad; for files of one location " +
				"and at most 12,000 rows"},
			&cli.BoolFlag{Name: "complete", Usage: "set to zero what the file does not name at --location"},
			&cli.StringFlag{Name: "errors", Usage: "write all bad rows into `FILE.csv` (or .ndjson), with line, " +
				"column, value and reason"})...),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			m := &importing{session: s, key: s.cmd.String("key"), ImportOptions: client.ImportOptions{
				Action: s.cmd.String("action"), Location: s.cmd.String("location"), Count: s.cmd.String("count"),
				DryRun: s.cmd.Bool("dry-run"), AllOrNothing: s.cmd.Bool("all-or-nothing")},
				isComplete: s.cmd.Bool("complete")}
			s.note(&m.Reason, &m.Reference)
			if err := m.checkComplete(); err != nil {
				return err
			}
			return m.run(ctx, stderr)
		}, "FILE"),
	}
}

func formatFlag(from string) cli.Flag {
	return &cli.StringFlag{Name: "format", Usage: "`FORMAT` of the file: csv or ndjson; default: by the end of " +
		from + ", or csv"}
}

// formatOf is the format of a file: that of --format, or that of its name.
func formatOf(cmd *cli.Command, name string) (stockfile.Format, error) {
	end, given := datafile.Ext(name), cmd.String("format")
	if given != "" {
		end = given
	}
	format, ok := stockfile.FormatOf(end)
	if !ok && given != "" {
		return format, cmdline.Usage(fmt.Errorf("--format %q: expected csv or ndjson", given))
	}
	if !ok && end != "" {
		return format, cmdline.Usage(fmt.Errorf("%s: is it csv or ndjson? --format says it", name))
	}
	return format, nil
}

// importing is one import.
type importing struct {
	*session
	client.ImportOptions
	key   string // of the whole; each part has one that is made of it
	parts int

	isComplete bool   // the file has all that there is at its location
	note       string // what became of that

	done      api.Imported // all parts together
	bar       *progressbar.ProgressBar
	badFile   *datafile.Writer // nil: none
	badOutput *cmdline.Output
}

// badRowsShown is how many bad rows people see, badRowsKept how many a reply has.
const (
	badRowsShown = 20
	badRowsKept  = stockfile.FaultsMax
)

func (m *importing) run(ctx context.Context, stderr io.Writer) error {
	format, err := formatOf(m.cmd, m.args[0])
	if err != nil {
		return err
	}
	if m.Format = format.String(); m.key == "" && !m.DryRun {
		m.key = rand.Text()
	}
	m.done = api.Imported{DryRun: m.DryRun, Errors: []api.BadRow{}}
	file, err := datafile.Open(m.args[0])
	if err != nil {
		return err
	}
	defer file.Close()
	if err := m.createBadFile(); err != nil {
		return err
	}
	if m.badFile != nil {
		defer m.badFile.Close()
	}
	_, size := file.Progress()
	m.bar = progress(stderr, size, "importing")
	if err = m.openCount(ctx); err == nil {
		err = m.sendAll(ctx, file, stockfile.NewParts(file, format))
	}
	if err == nil && m.isComplete {
		err = m.close(ctx)
	}
	_ = m.bar.Finish() // only shown
	return m.end(err)
}

// checkComplete refuses what cannot be a complete file.
func (m *importing) checkComplete() error {
	switch {
	case !m.isComplete:
		return nil
	case m.Location == "":
		return cmdline.Usage(errors.New("--complete needs --location: a complete file is of one location"))
	case m.Action != "refresh":
		return cmdline.Usage(fmt.Errorf("--complete is for --action refresh, not %s", m.Action))
	case m.DryRun:
		return cmdline.Usage(errors.New("--complete with --dry-run: a dry run changes nothing, so nothing is known " +
			"of what the file names. Import with --count, then run 'apportion count close --complete --dry-run'"))
	}
	return nil
}

// ownCount is the count of a complete import that names none.
const ownCount = "import"

// openCount opens the count of a complete import, unless there is one.
func (m *importing) openCount(ctx context.Context) error {
	if !m.isComplete || m.Count != "" {
		return nil
	}
	m.Count = ownCount
	_, err := m.server.StartCount(ctx, m.Location, api.StartCount{Count: m.Count}, client.Key(m.key+"/start"))
	return err
}

// close closes the count of a complete import whose rows are all applied.
func (m *importing) close(ctx context.Context) error {
	if m.done.Bad > 0 || m.done.Rows == 0 {
		m.note = fmt.Sprintf("Nothing was set to zero, and count %s at %s is open, because rows are bad or there are "+
			"none.\nMend the file, and import it with --count %[1]s --complete; or run 'apportion count close %[2]s "+
			"%[1]s'", m.Count, m.Location)
		return cmdline.ErrRefused
	}
	closed, err := m.server.CloseCount(ctx, m.Location, api.CloseCount{Count: m.Count, Complete: true},
		client.Key(m.key+"/close"))
	if err == nil {
		m.done.AsOf, m.done.Unnamed = closed.AsOf, closed.Unnamed
		m.note = unnamedText(closed.Unnamed)
	}
	return err
}

// progress makes the bar of so many bytes; -1: not known.
func progress(stderr io.Writer, size int64, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size, progressbar.OptionSetWriter(stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionSetVisibility(cmdline.IsTerminal(stderr)), progressbar.OptionSetDescription(what),
		progressbar.OptionClearOnFinish())
}

// createBadFile makes the file of --errors.
func (m *importing) createBadFile() error {
	name := m.cmd.String("errors")
	if name == "" {
		return nil
	}
	format, ok := stockfile.FormatOf(datafile.Ext(name))
	if !ok {
		return cmdline.Usage(fmt.Errorf("--errors %q: expected a name that ends with .csv or .ndjson", name))
	}
	var err error
	if m.badFile, err = datafile.Create(name); err != nil {
		return err
	}
	m.badOutput = cmdline.NewFileOutput(m.badFile, format.String())
	return cmdline.Show(m.badOutput, nil, []api.BadRow{}, badTable(nil)) // the heading
}

// sendAll sends the parts of the file. While one is sent, the next is read.
func (m *importing) sendAll(ctx context.Context, file *datafile.Reader, parts *stockfile.Parts) error {
	var now, ahead stockfile.Part
	more, err := parts.Next(&now)
	for more && err == nil {
		var moreAhead bool
		var aheadErr error
		read := make(chan struct{})
		go func() {
			defer close(read)
			moreAhead, aheadErr = parts.Next(&ahead)
		}()
		if m.AllOrNothing {
			if <-read; moreAhead {
				return stockfile.ErrNotOneChunk
			}
		}
		sent := m.send(ctx, &now)
		if <-read; sent != nil {
			return sent
		}
		taken, _ := file.Progress()
		_ = m.bar.Set64(taken) // only shown
		now, ahead = ahead, now
		more, err = moreAhead, aheadErr
	}
	return err
}

// send sends a part and adds up what it did.
func (m *importing) send(ctx context.Context, part *stockfile.Part) error {
	var options []client.Option
	if m.key != "" {
		options = append(options, client.Key(fmt.Sprintf("%s/%d", m.key, m.parts)))
	}
	m.parts++
	done, err := m.server.ImportStock(ctx, part.Text, m.ImportOptions, options...)
	if problem, ok := problemOf(err); ok {
		done = problem.Import // what it did before
	}
	if done == nil {
		return err
	}
	m.done.AsOf = max(m.done.AsOf, done.AsOf)
	m.done.Rows += done.Rows
	m.done.Applied += done.Applied
	m.done.Bad += done.Bad
	m.done.Records += done.Records
	m.done.Units += done.Units
	for i := range done.Errors {
		done.Errors[i].Line = part.Line(done.Errors[i].Line)
	}
	m.done.Errors = append(m.done.Errors, done.Errors[:min(len(done.Errors), badRowsKept-len(m.done.Errors))]...)
	if told := m.tell(done.Errors); told != nil {
		return told
	}
	return err
}

// tell shows bad rows in the forms that have them as they come.
func (m *importing) tell(bad []api.BadRow) error {
	if m.badFile != nil {
		if err := cmdline.Show(m.badOutput, nil, bad, badTable(bad)); err != nil {
			return err
		}
	}
	if form := m.out.Form(); form != "csv" && form != "ndjson" {
		return nil
	}
	return cmdline.Show(m.out, nil, bad, badTable(bad))
}

// end tells what the import did, also one that failed.
func (m *importing) end(err error) error {
	if m.badFile != nil {
		if failed := m.badFile.Commit(); failed != nil && err == nil {
			err = failed
		}
	}
	m.out.Say("%s", m.summary())
	if m.note != "" {
		m.out.Say("%s", m.note)
	}
	switch m.out.Form() {
	case "json":
		text, failed := json.Marshal(&m.done)
		if failed == nil {
			failed = cmdline.Show(m.out, text, m.done.Errors, badTable(nil))
		}
		if failed != nil && err == nil {
			err = failed
		}
	case "table":
		shown := m.done.Errors[:min(len(m.done.Errors), badRowsShown)]
		if failed := cmdline.Show(m.out, nil, shown, badTable(shown)); failed != nil && err == nil {
			err = failed
		}
		if left := m.done.Bad - int64(len(shown)); left > 0 && m.badFile == nil {
			m.out.Say("and %s more: --errors bad.csv has all of them", figureText(left, "bad row"))
		}
	}
	problem, ok := problemOf(err)
	switch {
	case errors.Is(err, cmdline.ErrRefused), err == nil && m.done.Bad > 0, ok && problem.Code == "bad-rows":
		return cmdline.ErrRefused
	case ok && m.isComplete && problem.Code == "unknown-count":
		return fmt.Errorf("%w\nA complete file is of one location, and count %s must be open there", err, m.Count)
	case err != nil && m.done.Applied > 0 && !m.DryRun:
		return fmt.Errorf("%w\n%s applied before that. To go on behind them: the same command with --key %s", err,
			figureText(m.done.Applied, "row"), m.key)
	}
	return err
}

// summary tells in a line what the import did.
func (m *importing) summary() string {
	verb := "applied"
	if m.DryRun {
		verb = "could be applied"
	}
	text := fmt.Sprintf("%d of %s %s", m.done.Applied, figureText(m.done.Rows, "row"), verb)
	if m.done.Bad > 0 {
		text += fmt.Sprintf(", %d bad", m.done.Bad)
	}
	if !m.DryRun {
		text += fmt.Sprintf(": %s, %s", figureText(m.done.Records, "record"), figureText(m.done.Units, "unit"))
	}
	return text
}

// badTable has bad rows.
func badTable(bad []api.BadRow) *cmdline.Table {
	table := &cmdline.Table{Columns: slices.Concat(cmdline.Figures("line"), cmdline.Text("column", "value", "code",
		"reason"))}
	for _, b := range bad {
		table.Add(int64(b.Line), b.Column, b.Value, b.Code, b.Reason)
	}
	return table
}
