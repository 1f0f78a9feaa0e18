package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"apportion/httpapi/api"
)

// How the replies about rules are printed.

func printStored(w io.Writer, file string, r *api.StoredRule) {
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "%s:%d: warning: %s\n", file, warning.Line, warning.Message)
	}
	fmt.Fprintf(w, "%s version %d (%s, hash %.12s), %d tests passed, at log index %d\n",
		r.Name, r.Version, strings.Join(r.Hooks, " and "), r.Hash, len(r.Tests), r.AsOf)
}

// hookAndScope is the hook and the scope of an activation as text.
func hookAndScope(a *api.Activation) string { return a.Hook + " " + scopeText(&a.Scope) }

func scopeText(s *api.Scope) string {
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

// tagText is tags as text, in the order of their categories' names.
func tagText(tags map[string]string) string {
	var all []string
	for _, category := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, category+"="+tags[category])
	}
	return strings.Join(all, ",")
}

// ruleName is a rule with its version as text. Version 0 stands for a source that is not stored.
func ruleName(rule string, version uint32) string {
	if version == 0 {
		return rule + " (a source that is not stored)"
	}
	return fmt.Sprintf("%s version %d", rule, version)
}

// table prints rows in aligned columns. The first row is the heading.
func table(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = t.Flush() // the command's own writer; nobody is left to tell
}

func printRules(w io.Writer, rules []api.Rule) {
	if len(rules) == 0 {
		fmt.Fprintln(w, "There are no rules. 'apportion rules put NAME FILE.lua' uploads one.")
		return
	}
	rows := [][]string{{"RULE", "NEWEST", "HOOKS", "ACTIVE"}}
	for i := range rules {
		r := &rules[i]
		newest := r.Versions[len(r.Versions)-1]
		row := []string{r.Name, fmt.Sprint(newest.Version), strings.Join(newest.Hooks, ","), "no"}
		for k := range r.Active {
			row[3] = activationText(&r.Active[k])
			rows = append(rows, row)
			row = []string{"", "", "", ""}
		}
		if len(r.Active) == 0 {
			rows = append(rows, row)
		}
	}
	table(w, rows)
}

func activationText(a *api.Activation) string {
	text := fmt.Sprintf("version %d for %s", a.Version, hookAndScope(a))
	if a.Suspended {
		text += ", SUSPENDED: " + a.Reason
	}
	return text
}

func printRule(w io.Writer, r *api.Rule) {
	rows := [][]string{{"VERSION", "HOOKS", "BYTES", "AUTHOR", "TIME", "HASH"}}
	for _, v := range r.Versions {
		rows = append(rows, []string{fmt.Sprint(v.Version), strings.Join(v.Hooks, ","), fmt.Sprint(v.Bytes), v.Author,
			v.Time, fmt.Sprintf("%.12s", v.Hash)})
	}
	table(w, rows)
	if len(r.Active) == 0 {
		fmt.Fprintln(w, "\nNo version is active.")
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
			activationText(a), a.AsOf, a.Time, by, a.OnError, a.FailuresMax)
	}
}
