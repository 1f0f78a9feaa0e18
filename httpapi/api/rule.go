package api

// Tags has the values of some tag categories, by category.
type Tags map[string]string

// Scope selects the order lines or records that a rule is for. An empty field selects all.
type Scope struct {
	Locations []string `json:"locations"`
	UPCPrefix string   `json:"upcPrefix"`
	Tags      Tags     `json:"tags"`
}

// RuleList has all rules.
type RuleList struct {
	AsOf  uint64 `json:"asOf"`
	Rules []Rule `json:"rules"`
}

// Rule is a rule with its versions, the oldest first, and its activations. A list leaves out AsOf, Version and Source.
type Rule struct {
	AsOf     uint64        `json:"asOf,omitempty"`
	Name     string        `json:"name"`
	Versions []RuleVersion `json:"versions"`
	Active   []Activation  `json:"active"`
	Version  uint32        `json:"version,omitempty"` // of Source
	Source   string        `json:"source,omitempty"`
}

// RuleVersion is one uploaded source of a rule.
type RuleVersion struct {
	Version uint32   `json:"version"`
	Author  string   `json:"author"`
	Time    string   `json:"time"`
	AsOf    uint64   `json:"asOf"`
	Hash    string   `json:"hash"`
	Hooks   []string `json:"hooks"`
	Bytes   int      `json:"bytes"`
}

// Activation is a version of a rule that is active for a scope.
type Activation struct {
	ID          uint64 `json:"id"`
	Rule        string `json:"rule"`
	Version     uint32 `json:"version"`
	Hook        string `json:"hook"`
	Scope       Scope  `json:"scope"`
	OnError     string `json:"onError"`
	FailuresMax uint32 `json:"failuresMax"`
	Author      string `json:"author"`
	Time        string `json:"time"`
	AsOf        uint64 `json:"asOf"`
	Suspended   bool   `json:"suspended"`
	Reason      string `json:"reason"` // of the suspension
}

// StoredRule is the reply to PutRule.
type StoredRule struct {
	AsOf     uint64       `json:"asOf"`
	Name     string       `json:"name"`
	Version  uint32       `json:"version"`
	Hash     string       `json:"hash"`
	Hooks    []string     `json:"hooks"`
	Warnings []Warning    `json:"warnings"`
	Tests    []TestResult `json:"tests"`
}

// Warning is a doubtful place in a source.
type Warning struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// TestResult is the outcome of one test in a source.
type TestResult struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Diff   string `json:"diff,omitempty"`
	Output string `json:"output,omitempty"`
}

// ChangedRule is the reply to a change of a rule that has nothing more to tell.
type ChangedRule struct {
	AsOf uint64 `json:"asOf"`
	Name string `json:"name"`
}

// Source is the text of a rule. Unlike other texts in a body it may have several lines.
type Source string

// PutRule is the body that uploads a source as a new version. A source may also be uploaded as it is, as text/x-lua.
type PutRule struct {
	Source Source `json:"source" required:"true"`
	Author string `json:"author,omitempty"`
}

// CheckRule is the body that has a source compiled and its tests run, without storing it.
type CheckRule struct {
	Source Source `json:"source" required:"true"`
}

// CheckedRule is the reply to CheckRule. Without an error the source compiles; a test may fail nevertheless.
type CheckedRule struct {
	Hash     string       `json:"hash,omitempty"`
	Hooks    []string     `json:"hooks"`
	Warnings []Warning    `json:"warnings"`
	Tests    []TestResult `json:"tests"`
	Error    *SourceError `json:"error,omitempty"`
}

// SourceError says what is wrong with a source, or with its table of tests. Line and Column are 0 where they are not
// known.
type SourceError struct {
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

// ActivateRule is the body that activates a version of a rule.
type ActivateRule struct {
	Version     *int64  `json:"version,omitempty"` // the newest by default
	Hook        *string `json:"hook,omitempty"`    // the only one of the version by default
	Scope       *Scope  `json:"scope,omitempty"`
	OnError     *string `json:"onError,omitempty"`     // "default" by default: as if there were no rule
	FailuresMax *int64  `json:"failuresMax,omitempty"` // in a row, before the rule is suspended
	Author      string  `json:"author,omitempty"`
}

// DeactivateRule is the body that ends the activation of a hook for a scope, or without a hook all activations.
type DeactivateRule struct {
	Hook  *string `json:"hook,omitempty"`
	Scope *Scope  `json:"scope,omitempty"`
}
