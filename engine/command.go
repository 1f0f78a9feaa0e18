package engine

import (
	"bytes"
	"encoding/binary"
)

// Kind names a command in the log. The numbers are part of the log's format and are never reused.
type Kind uint8

// The commands.
const (
	KindRefresh           Kind = 1
	KindAdjust            Kind = 2
	KindTransfer          Kind = 3
	KindRedistribute      Kind = 4
	KindDelete            Kind = 5
	KindAllocate          Kind = 6
	KindConfirm           Kind = 7
	KindDeallocate        Kind = 8
	KindFulfill           Kind = 9
	KindReturn            Kind = 10
	KindPutTagCategory    Kind = 11
	KindDeleteTagCategory Kind = 12
	KindStartCount        Kind = 13
	KindCloseCount        Kind = 14
	KindExpire            Kind = 15
	KindPutRule           Kind = 16
	KindDeleteRule        Kind = 17
	KindActivateRule      Kind = 18
	KindDeactivateRule    Kind = 19
	KindSuspendRule       Kind = 20
	KindRedistributePlan  Kind = 21
	KindTransition        Kind = 22
	KindPutLocation       Kind = 23
	KindBlock             Kind = 24
	KindPutLocationGroup  Kind = 25
	KindDeleteSegments    Kind = 26
	KindStartChanges      Kind = 27

	KindPutWebhook         Kind = 28
	KindDeleteWebhook      Kind = 29
	KindSetWebhookPosition Kind = 30
)

// Command is one change of state, as data. AppendCommand gives the binary form that the log stores and Apply reads.
type Command interface {
	Kind() Kind

	// check gives the first fault of the command itself. It does not look at the state.
	check() *Fault

	// appendBody appends the command's fields. readBody reads them, and sets every field: the memory is that of an
	// earlier command.
	appendBody(dst []byte) []byte
	readBody(r *bodyReader)

	// digest appends the digests of the command's fields.
	digest(dst []byte) []byte

	// apply carries the command out, or refuses it in r and changes nothing. check has found no fault.
	apply(e *Engine, envelope *Envelope, r *Result)
}

// commands lists all commands, by kind.
var commands = [...]struct {
	name string

	// in gives the command of the kind that a scratch decodes into.
	in func(s *commandScratch) Command

	// grows reports whether the command can need more rows than it frees.
	grows bool
}{
	KindRefresh:      {"Refresh", func(s *commandScratch) Command { return &s.refresh }, true},
	KindAdjust:       {"Adjust", func(s *commandScratch) Command { return &s.adjust }, true},
	KindTransfer:     {"Transfer", func(s *commandScratch) Command { return &s.transfer }, true},
	KindRedistribute: {"Redistribute", func(s *commandScratch) Command { return &s.redistribute }, false},
	KindDelete:       {"Delete", func(s *commandScratch) Command { return &s.remove }, false},
	KindAllocate:     {"Allocate", func(s *commandScratch) Command { return &s.allocate }, true},
	KindConfirm:      {"Confirm", func(s *commandScratch) Command { return s.change(KindConfirm) }, false},
	KindDeallocate:   {"Deallocate", func(s *commandScratch) Command { return s.change(KindDeallocate) }, false},
	KindFulfill:      {"Fulfill", func(s *commandScratch) Command { return s.change(KindFulfill) }, false},
	KindReturn:       {"Return", func(s *commandScratch) Command { return s.change(KindReturn) }, true},

	KindPutTagCategory:    {"PutTagCategory", func(s *commandScratch) Command { return &s.putCategory }, true},
	KindDeleteTagCategory: {"DeleteTagCategory", func(s *commandScratch) Command { return &s.deleteCategory }, false},
	KindStartCount:        {"StartCount", func(s *commandScratch) Command { return &s.startCount }, true},
	KindCloseCount:        {"CloseCount", func(s *commandScratch) Command { return &s.closeCount }, false},
	KindExpire:            {"Expire", func(s *commandScratch) Command { return &s.expire }, false},
	KindPutRule:           {"PutRule", func(s *commandScratch) Command { return &s.putRule }, false},
	KindDeleteRule:        {"DeleteRule", func(s *commandScratch) Command { return &s.deleteRule }, false},
	KindActivateRule:      {"ActivateRule", func(s *commandScratch) Command { return &s.activateRule }, false},
	KindDeactivateRule:    {"DeactivateRule", func(s *commandScratch) Command { return &s.deactivateRule }, false},
	KindSuspendRule:       {"SuspendRule", func(s *commandScratch) Command { return &s.suspendRule }, false},
	KindRedistributePlan:  {"RedistributePlan", func(s *commandScratch) Command { return &s.redistribution }, false},
	KindTransition:        {"Transition", func(s *commandScratch) Command { return &s.transition }, true},
	KindPutLocation:       {"PutLocation", func(s *commandScratch) Command { return &s.putLocation }, false},
	KindBlock:             {"Block", func(s *commandScratch) Command { return &s.block }, false},
	KindPutLocationGroup:  {"PutLocationGroup", func(s *commandScratch) Command { return &s.putGroup }, false},
	KindDeleteSegments:    {"DeleteSegments", func(s *commandScratch) Command { return &s.removeSegments }, false},
	KindStartChanges:      {"StartChanges", func(s *commandScratch) Command { return &s.startChanges }, false},

	KindPutWebhook:         {"PutWebhook", func(s *commandScratch) Command { return &s.putWebhook }, false},
	KindDeleteWebhook:      {"DeleteWebhook", func(s *commandScratch) Command { return &s.deleteWebhook }, false},
	KindSetWebhookPosition: {"SetWebhookPosition", func(s *commandScratch) Command { return &s.setPosition }, false},
}

func (k Kind) known() bool { return int(k) < len(commands) && commands[k].in != nil }

// String is the command's name.
func (k Kind) String() string {
	if !k.known() {
		return "unknown command"
	}
	return commands[k].name
}

// Envelope is what a command carries besides its own fields.
type Envelope struct {
	// Key is the client's idempotency key, empty if it gave none.
	Key string

	// Archived is the stored row of a closed order that has left memory, as read at log index ArchivedAt. It is empty
	// if the order is in memory or does not exist. Only order commands have it.
	Archived   []byte
	ArchivedAt uint64

	// RulesIndex is the RuleSet.Index of the rules that planned an Allocate or a RedistributePlan. Plans has the lines
	// for which a rule was asked, in their order. An idempotency key does not cover them: a repetition may have another
	// plan. If rules were activated or deactivated since, the answer is CodeRetry.
	RulesIndex uint64
	Plans      []PlannedLine

	// IfSeen makes a command depend on what its sender saw. An idempotency key does not cover it.
	//   - PutTagCategory: Seen is the category's Schema.CategoryHash. If that has changed, the answer is CodeRetry.
	//   - an order change: Seen is the order's OrderView.Changed, 0 for no order. If the order has changed since, the
	//     answer is CodeVersionMismatch.
	IfSeen bool
	Seen   uint64

	// Version is the version of the form in which the command was written, 0 for a new command. An order change, or a
	// counted Refresh, keeps the meaning that it had in its version. Since version 6 an order change that cannot be
	// done is refused, not skipped in silence, and one wrong item does not stop a count.
	Version byte

	// Job, if it is set, makes the engine keep the command's outcome as a job (Result.Job).
	Job *JobInfo
}

// means reports whether a command has the meaning of a version.
func (e *Envelope) means(version byte) bool { return e.Version == 0 || e.Version >= version }

// strict reports whether a command has the meaning of version 6.
func (e *Envelope) strict() bool { return e.means(commandVersionStrict) }

// CheckCommand checks the limits and the shape of a command, for which no state is needed. It gives the first fault, or
// nil. Apply answers a command with a fault by CodeInvalid.
func CheckCommand(c Command) *Fault { return c.check() }

// checkKey checks an idempotency key. An empty key is none.
func checkKey(key string) *Fault {
	if !isOptionalText(key, KeyBytesMax) {
		return textFault("Idempotency-Key", key, KeyBytesMax)
	}
	return nil
}

// A command's layout:
//
//	byte 0   version
//	byte 1   kind
//	byte 2   flags: commandHasKey, commandHasArchived, commandHasRules, commandHasJob, commandHasSeen
//	         key text                                 with commandHasKey
//	         archived row as text, uvarint ArchivedAt with commandHasArchived
//	         uvarint RulesIndex, plans                with commandHasRules
//	         job                                      with commandHasJob
//	         uvarint Seen                             with commandHasSeen
//	         body: see the appendBody of each command
const (
	commandHasKey      = 1 << 0
	commandHasArchived = 1 << 1
	commandHasRules    = 1 << 2
	commandHasJob      = 1 << 3
	commandHasSeen     = 1 << 4
)

// AppendCommand appends the binary form of c with its envelope to dst. It checks no limits (see CheckCommand). Values
// of stock fields that Has does not announce are not written.
func AppendCommand(dst []byte, env *Envelope, c Command) []byte {
	hasArchived := len(env.Archived) > 0 || env.ArchivedAt != 0
	hasRules := env.RulesIndex != 0 || len(env.Plans) > 0
	flags := flagBit(env.Key != "", commandHasKey) | flagBit(hasArchived, commandHasArchived) | flagBit(hasRules,
		commandHasRules) |
		flagBit(env.Job != nil, commandHasJob) | flagBit(env.IfSeen, commandHasSeen)
	dst = append(dst, versionOf(env, c), byte(c.Kind()), flags)
	if env.Key != "" {
		dst = appendText(dst, env.Key)
	}
	if hasArchived {
		dst = binary.AppendUvarint(dst, uint64(len(env.Archived)))
		dst = append(dst, env.Archived...)
		dst = binary.AppendUvarint(dst, env.ArchivedAt)
	}
	if hasRules {
		dst = appendPlans(binary.AppendUvarint(dst, env.RulesIndex), env.Plans)
	}
	if env.Job != nil {
		dst = appendJobInfo(dst, env.Job)
	}
	if env.IfSeen {
		dst = binary.AppendUvarint(dst, env.Seen)
	}
	return c.appendBody(dst)
}

// laterForm is a command that older versions of the form cannot express, or give another meaning.
type laterForm interface {
	// since gives the oldest version that can express the command, and the oldest that gives it today's meaning.
	since() (form, meaning byte)
}

// versionOf gives the oldest version that can express the command. So nodes with an older program can follow an
// upgraded leader until a client sends something new.
func versionOf(env *Envelope, c Command) byte {
	version := byte(commandVersionCommon)
	if env.IfSeen {
		version = commandVersionMore
		if isOrderChange(c.Kind()) {
			version = commandVersionNoted
		}
	}
	if c, ok := c.(laterForm); ok {
		form, meaning := c.since()
		if !env.means(meaning) {
			meaning = env.Version // one that was read keeps its own
		}
		version = max(version, form, meaning)
	}
	return version
}

// DecodeCommand reads the binary form of a command. It owns what it returns. Apply's own way is commandScratch.
func DecodeCommand(b []byte) (Envelope, Command, error) {
	c, env, err := new(commandScratch).decode(bytes.Clone(b))
	if err != nil {
		return Envelope{}, nil, err
	}
	return *env, c, nil
}

// commandScratch decodes commands without allocating, once it has grown to their size: it has one command of each kind
// and reuses their lists. Beyond a list's end, elements of earlier commands keep strings alive until they are
// overwritten. The largest command of each kind bounds that memory.
type commandScratch struct {
	in  bodyReader
	env Envelope

	// body is the part of the last decoded command that follows the envelope. Two commands of a kind are equal exactly
	// when their bodies are. It aliases the input.
	body []byte

	plans []PlannedLine
	job   JobInfo

	refresh        Refresh
	adjust         Adjust
	transfer       Transfer
	redistribute   Redistribute
	remove         Delete
	allocate       Allocate
	orderChange    OrderChange
	transition     Transition
	putLocation    PutLocation
	putGroup       PutLocationGroup
	removeSegments DeleteSegments
	block          Block
	putCategory    PutTagCategory
	deleteCategory DeleteTagCategory
	startCount     StartCount
	closeCount     CloseCount
	expire         Expire
	putRule        PutRule
	deleteRule     DeleteRule
	activateRule   ActivateRule
	deactivateRule DeactivateRule
	suspendRule    SuspendRule
	redistribution RedistributePlan
	putWebhook     PutWebhook
	deleteWebhook  DeleteWebhook
	setPosition    SetWebhookPosition
	startChanges   StartChanges
}

// change is the scratch's order change, for an action.
func (s *commandScratch) change(action Kind) *OrderChange {
	s.orderChange.Action = action
	return &s.orderChange
}

// decode reads a command. What it returns belongs to the scratch and is valid until the next decode; its strings and
// Archived alias b and are valid only while b does not change.
func (s *commandScratch) decode(b []byte) (Command, *Envelope, error) {
	s.in.start(b)
	version := s.in.byte()
	if err := checkForm(version, commandVersion, ErrBadCommand); err != nil {
		return nil, nil, err
	}
	kind := Kind(s.in.byte())
	s.readEnvelope()
	s.env.Version = version
	s.body = b[s.in.at:]
	c := s.readBody(kind)
	if err := s.in.end(ErrBadCommand); err != nil {
		return nil, nil, err
	}
	return c, &s.env, nil
}

// decodeBody reads a command that was kept without its envelope. It overwrites what decode returned.
func (s *commandScratch) decodeBody(kind Kind, body []byte) (Command, error) {
	s.in.start(body)
	s.env = Envelope{}
	s.body = body
	c := s.readBody(kind)
	return c, s.in.end(ErrBadCommand)
}

func (s *commandScratch) readBody(kind Kind) Command {
	if !kind.known() {
		s.in.fail("unknown kind")
		return nil
	}
	c := commands[kind].in(s)
	c.readBody(&s.in)
	return c
}

// check is the check of the command decoded last. Tag lists of an Allocate that are remembered were checked then.
func (s *commandScratch) check(c Command) *Fault {
	if c, ok := c.(*Allocate); ok {
		return c.checkLines(s.in.known)
	}
	return c.check()
}

func (s *commandScratch) readEnvelope() {
	r := &s.in
	s.env = Envelope{}
	flags := r.flags(commandHasKey | commandHasArchived | commandHasRules | commandHasJob | commandHasSeen)
	if flags&commandHasKey != 0 {
		s.env.Key = r.text()
		if s.env.Key == "" {
			r.fail("announced key is empty")
		}
	}
	if flags&commandHasArchived != 0 {
		s.env.Archived = r.bytes()
		s.env.ArchivedAt = r.uvarint()
		if len(s.env.Archived) == 0 && s.env.ArchivedAt == 0 {
			r.fail("announced order is empty")
		}
	}
	if flags&commandHasRules != 0 {
		s.readPlans()
	}
	if flags&commandHasJob != 0 {
		s.job = readJobInfo(&r.reader)
		s.env.Job = &s.job
	}
	if flags&commandHasSeen != 0 {
		s.env.IfSeen, s.env.Seen = true, r.uvarint()
	}
}

// Moment is a place in the log.
type Moment struct {
	Index  uint64
	TimeMS int64 // of the entry, Unix milliseconds; 0: not known
}

// Entry is one entry of the log: commands that take effect together.
type Entry struct {
	Index    uint64
	TimeMS   int64    // the leader's stamp, Unix milliseconds; one that falls counts as the entry's before
	Commands [][]byte // in binary form

	// Refused makes it no entry of the log, but one of what was refused without an entry, behind the entry of that
	// index and before the next one; TimeMS is when.
	Refused Refused
}

// Refused is what was recorded of orders that were refused before the log. It is one of three: an order (the only one
// of Commands), a number of orders that were not recorded, or a gap.
type Refused struct {
	Is   bool
	Code Code   // that the order was answered with
	Lost uint64 // so many were not recorded here
	Gap  bool   // an unknown number was not recorded, from here on up to the place below at most

	UntilIndex uint64
	UntilMS    int64
}
