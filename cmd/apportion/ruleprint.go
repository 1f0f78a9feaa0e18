package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// What the server says of rules, and how it is printed.

type ruleStored struct {
	AsOf     uint64   `json:"asOf"`
	Name     string   `json:"name"`
	Version  int      `json:"version"`
	Hash     string   `json:"hash"`
	Hooks    []string `json:"hooks"`
	Warnings []struct {
		Line    int    `json:"line"`
		Message string `json:"message"`
	} `json:"warnings"`
	Tests []struct {
		Name string `json:"name"`
	} `json:"tests"`
}

func (r *ruleStored) print(w io.Writer, file string) {
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "%s:%d: warning: %s\n", file, warning.Line, warning.Message)
	}
	fmt.Fprintf(w, "%s version %d (%s, hash %.12s), %d tests passed, at log index %d\n",
		r.Name, r.Version, strings.Join(r.Hooks, " and "), r.Hash, len(r.Tests), r.AsOf)
}

type ruleDone struct {
	AsOf uint64 `json:"asOf"`
}

type ruleList struct {
	Rules []ruleInfo `json:"rules"`
}

type ruleInfo struct {
	Name     string           `json:"name"`
	Versions []versionInfo    `json:"versions"`
	Active   []activationInfo `json:"active"`
	Source   string           `json:"source"`
}

type versionInfo struct {
	Version int      `json:"version"`
	Author  string   `json:"author"`
	Time    string   `json:"time"`
	Hash    string   `json:"hash"`
	Hooks   []string `json:"hooks"`
	Bytes   int      `json:"bytes"`
}

type activationInfo struct {
	Version     int    `json:"version"`
	Hook        string `json:"hook"`
	Scope       scope  `json:"scope"`
	OnError     string `json:"onError"`
	FailuresMax int    `json:"failuresMax"`
	Author      string `json:"author"`
	Time        string `json:"time"`
	AsOf        uint64 `json:"asOf"`
	Suspended   bool   `json:"suspended"`
	Reason      string `json:"reason"`
}

// what is an activation's hook and scope, for people.
func (a *activationInfo) what() string { return a.Hook + " " + a.Scope.text() }

func (s *scope) text() string {
	var parts []string
	if len(s.Locations) > 0 {
		parts = append(parts, "at "+strings.Join(s.Locations, ", "))
	}
	if s.UPCPrefix != "" {
		parts = append(parts, "of "+s.UPCPrefix+"*")
	}
	if len(s.Tags) > 0 {
		parts = append(parts, "with "+tagText(s.Tags))
	}
	if len(parts) == 0 {
		return "everywhere"
	}
	return strings.Join(parts, " ")
}

// tagText shows tags in the order of their categories' names.
func tagText(tags map[string]string) string {
	var all []string
	for _, category := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, category+"="+tags[category])
	}
	return strings.Join(all, ",")
}

// ruleName is a rule with its version; 0 is none of the stored ones.
func ruleName(rule string, version int) string {
	if version == 0 {
		return rule + " (a source that is not stored)"
	}
	return fmt.Sprintf("%s version %d", rule, version)
}

// table prints rows, the first of which is the heading.
func table(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = t.Flush() // the command's own writer; nobody is left to tell
}

func (l *ruleList) print(w io.Writer) {
	if len(l.Rules) == 0 {
		fmt.Fprintln(w, "There are no rules. 'apportion rules put NAME FILE.lua' uploads one.")
		return
	}
	rows := [][]string{{"RULE", "NEWEST", "HOOKS", "ACTIVE"}}
	for i := range l.Rules {
		r := &l.Rules[i]
		newest := r.Versions[len(r.Versions)-1]
		row := []string{r.Name, fmt.Sprint(newest.Version), strings.Join(newest.Hooks, ","), "no"}
		for k := range r.Active {
			row[3] = r.Active[k].short()
			rows = append(rows, row)
			row = []string{"", "", "", ""}
		}
		if len(r.Active) == 0 {
			rows = append(rows, row)
		}
	}
	table(w, rows)
}

func (a *activationInfo) short() string {
	text := fmt.Sprintf("version %d for %s", a.Version, a.what())
	if a.Suspended {
		text += ", SUSPENDED: " + a.Reason
	}
	return text
}

func (r *ruleInfo) print(w io.Writer) {
	rows := [][]string{{"VERSION", "HOOKS", "BYTES", "AUTHOR", "TIME", "HASH"}}
	for _, v := range r.Versions {
		rows = append(rows, []string{fmt.Sprint(v.Version), strings.Join(v.Hooks, ","), fmt.Sprint(v.Bytes), v.Author,
			v.Time, fmt.Sprintf("%.12s", v.Hash)})
	}
	table(w, rows)
	if len(r.Active) == 0 {
		fmt.Fprintln(w, "\nNothing of it is active.")
		return
	}
	fmt.Fprintln(w, "\nActive:")
	for i := range r.Active {
		a := &r.Active[i]
		by := ""
		if a.Author != "" {
			by = " by " + a.Author
		}
		fmt.Fprintf(w, "  %s\n    since log index %d, %s%s; on error %s, suspended after %d failures in a row\n",
			a.short(), a.AsOf, a.Time, by, a.OnError, a.FailuresMax)
	}
}
