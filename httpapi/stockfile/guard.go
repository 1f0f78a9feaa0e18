package stockfile

import "strings"

// Spreadsheets take a cell for a formula if it begins with one of these characters. OWASP (CSV injection) advises to
// put an apostrophe before it, which spreadsheets do not show.
const formulaBegins = "=+-@\t\r\n＝＋－＠"

// isFormula reports whether a spreadsheet would calculate the text, or whether it looks like a guarded one.
func isFormula(text string) bool {
	rest := strings.TrimLeft(text, "'")
	return rest != "" && strings.IndexAny(rest[:min(len(rest), len("＝"))], formulaBegins) == 0
}

// unguarded gives the text of a cell.
func unguarded(cell string) string {
	if cell != "" && cell[0] == '\'' && isFormula(cell) {
		return cell[1:]
	}
	return cell
}
