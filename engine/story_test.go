package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// tell runs a story: a script in testdata/stories. A directive is one command in one log entry, or moves the time:
//
//	category NAME [unbiased] VALUE[=PERCENT] ...      the first value is the default; FROM>TO is a moveTo
//	drop-category NAME [moveTo=VALUE]
//	refresh LOCATION [count=NAME] [NOTE]              UPC UNITS [safety=N] [floor=N] [due=MS] [if=VERSION] [TAGS]
//	adjust LOCATION [NOTE]                            as of refresh
//	transfer [NOTE]                                   UPC UNITS [if=VERSION] from=LOCATION [TAGS] > to=LOCATION [TAGS]
//	block LOCATION [NOTE]                             UPC [clear]
//	redistribute [now] [dry-run] [SCOPE]
//	delete [force] [dry-run] [SCOPE]
//	allocate ORDER [line|partial] [backorder] [until=MS]   ITEM UPC LOCATION UNITS [TAGS]
//	confirm, deallocate, fulfill, return ORDER        ITEM [UNITS] [lost] [block] [upc=UPC] [at=LOCATION] [TAGS]
//	                                                  reason=WORD may follow the ORDER of a deallocate, and
//	                                                  seen=INDEX each: the last change that the sender saw
//	count LOCATION NAME
//	close-count LOCATION NAME [complete] [dry-run]
//	time MS
//	key KEY                                           the idempotency key of the next directive
//	order ORDER                                       shows an order
//	events                                            shows the events since the last such directive
//
// TAGS are CATEGORY=VALUE. NOTE is reason=WORD and reference=WORD. SCOPE is UPCs and at=LOCATION; without any it is all
// records. Items and lines stand under their directive, one a line; a single one may follow it after a colon. The
// answer is followed by the records that the command has changed. A refusal must change nothing. With -rewrite the test
// writes the answers: read the difference before you commit it.
func tell(t *testing.T, name string) {
	t.Helper()
	s := &story{host: newHost(t)}
	datadriven.RunTest(t, "testdata/stories/"+name+".txt", s.run)
}

type story struct {
	*host
	t    *testing.T
	told EventID // the last event that was shown

	envelope Envelope // of the next command
}

func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	s.t = t
	var args, items []string
	for i, a := range d.CmdArgs {
		if a.Key == ":" {
			var item []string
			for _, a := range d.CmdArgs[i+1:] {
				item = append(item, word(a))
			}
			items = append(items, strings.Join(item, " "))
			break
		}
		args = append(args, word(a))
	}
	items = append(items, lines(d.Input)...)
	switch d.Cmd {
	case "time":
		s.nowMS = s.number(args[0])
		return s.answer(&Expire{})
	case "key":
		s.envelope.Key = args[0]
		return "the next command has it\n"
	case "order":
		return s.showOrder(args[0])
	case "events":
		return s.showEvents()
	case "changes":
		return s.showChanges(s.number(args[0]))
	}
	return s.answer(s.command(d.Cmd, args, items))
}

func word(a datadriven.CmdArg) string {
	if len(a.Vals) == 0 {
		return a.Key
	}
	return a.Key + "=" + strings.Join(a.Vals, ",")
}

func lines(input string) []string {
	if input == "" {
		return nil
	}
	return strings.Split(input, "\n")
}

func (s *story) command(name string, args, items []string) Command {
	switch name {
	case "category":
		return s.category(args)
	case "drop-category":
		c := &DeleteTagCategory{Name: args[0]}
		s.options(args[1:], map[string]func(string){"moveTo": func(v string) { c.MoveTo = v }}, nil)
		return c
	case "refresh":
		c := &Refresh{Location: args[0], Items: s.stockItems(items)}
		s.options(args[1:], c.options(map[string]func(string){"count": func(v string) { c.Count = v }}), nil)
		return c
	case "adjust":
		c := &Adjust{Location: args[0], Items: s.stockItems(items)}
		s.options(args[1:], c.options(map[string]func(string){}), nil)
		return c
	case "transfer":
		c := s.transfer(items)
		s.options(args, c.options(map[string]func(string){}), nil)
		return c
	case "block":
		c := &Block{Location: args[0]}
		s.options(args[1:], c.options(map[string]func(string){}), nil)
		for _, item := range items {
			upc, rest, _ := strings.Cut(item, " ")
			c.Items = append(c.Items, BlockItem{UPC: upc, Blocked: rest != "clear"})
		}
		return c
	case "redistribute":
		c := &Redistribute{}
		c.Scope = s.scope(args, map[string]*bool{"now": &c.Now, "dry-run": &c.DryRun})
		return c
	case "delete":
		c := &Delete{}
		c.Scope = s.scope(args, map[string]*bool{"force": &c.Force, "dry-run": &c.DryRun})
		return c
	case "allocate":
		return s.allocate(args, items)
	case "confirm", "deallocate", "fulfill", "return":
		c := s.orderChange(name, args[0], items)
		s.options(args[1:], map[string]func(string){
			"reason": func(v string) { c.Reason = v },
			"seen":   func(v string) { s.envelope = Envelope{IfSeen: true, Seen: uint64(s.number(v))} },
		}, nil)
		return c
	case "count":
		return &StartCount{Location: args[0], Count: args[1]}
	case "close-count":
		c := &CloseCount{Location: args[0], Count: args[1]}
		s.options(args[2:], map[string]func(string){
			"complete": func(string) { c.Complete = true },
			"dry-run":  func(string) { c.DryRun = true },
		}, nil)
		return c
	case "start-changes":
		return &StartChanges{}
	}
	s.t.Fatalf("no directive %q", name)
	return nil
}

// options separates KEY=VALUE words with known keys from others, which tag gets.
func (s *story) options(words []string, known map[string]func(value string), other func(key, value string)) {
	s.t.Helper()
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		switch set := known[key]; {
		case set != nil:
			set(value)
		case other != nil:
			other(key, value)
		default:
			s.t.Fatalf("no option %q", w)
		}
	}
}

// options adds those of a note.
func (n *StockNote) options(known map[string]func(value string)) map[string]func(value string) {
	known["reason"] = func(v string) { n.Reason = v }
	known["reference"] = func(v string) { n.Reference = v }
	return known
}

func (s *story) number(text string) int64 {
	s.t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *story) into(n *int64) func(string) { return func(text string) { *n = s.number(text) } }

func (s *story) scope(args []string, flags map[string]*bool) (scope Scope) {
	known := map[string]func(string){"at": func(v string) { scope.Locations = append(scope.Locations, v) }}
	for name, flag := range flags {
		known[name] = func(string) { *flag = true }
	}
	s.options(args, known, func(upc, _ string) { scope.UPCs = append(scope.UPCs, upc) })
	scope.All = scope.UPCs == nil && scope.Locations == nil
	return scope
}

func (s *story) category(args []string) Command {
	c := &PutTagCategory{Name: args[0]}
	for _, w := range args[1:] {
		if w == "unbiased" {
			c.Rounding = RoundingUnbiased
			continue
		}
		if from, to, ok := strings.Cut(w, ">"); ok {
			c.MoveTo = append(c.MoveTo, Move{From: from, To: to})
			continue
		}
		name, percent, ok := strings.Cut(w, "=")
		v := Value{Name: name, Percent: NoPercent, Default: len(c.Values) == 0, Max: NoMax}
		if ok {
			v.Percent = int32(100 * s.number(percent))
		}
		c.Values = append(c.Values, v)
	}
	return c
}

func (s *story) stockItems(items []string) (list []StockItem) {
	for _, text := range items {
		w := strings.Fields(text)
		it := StockItem{UPC: w[0], Quantity: s.number(w[1])}
		flag := func(has StockFields, n *int64) func(string) {
			return func(text string) { it.Has |= has; *n = s.number(text) }
		}
		s.options(w[2:], map[string]func(string){
			"safety": flag(HasSafetyStock, &it.SafetyStock),
			"floor":  flag(HasFloor, &it.Floor),
			"ltd":    flag(HasLTD, &it.LTD),
			"due":    s.into(&it.DeliveryDateMS),
			"if": func(v string) {
				it.Has |= HasVersion
				it.IfVersion = uint64(s.number(v))
			},
		}, tagsInto(&it.Tags))
		list = append(list, it)
	}
	return list
}

func tagsInto(tags *[]Tag) func(key, value string) {
	return func(key, value string) { *tags = append(*tags, Tag{key, value}) }
}

func (s *story) transfer(items []string) *Transfer {
	c := &Transfer{}
	for _, text := range items {
		w := strings.Fields(text)
		it := TransferItem{UPC: w[0], Quantity: s.number(w[1])}
		to := slices.Index(w, ">")
		s.options(w[2:to], map[string]func(string){
			"from": func(v string) { it.FromLocation = v },
			"if":   func(v string) { it.Has, it.IfVersion = HasVersion, uint64(s.number(v)) },
		}, tagsInto(&it.FromTags))
		s.options(w[to+1:], map[string]func(string){"to": func(v string) { it.ToLocation = v }}, tagsInto(&it.ToTags))
		c.Items = append(c.Items, it)
	}
	return c
}

func (s *story) allocate(args, items []string) Command {
	c := &Allocate{OrderID: args[0]}
	s.options(args[1:], map[string]func(string){
		"line":      func(string) { c.Mode = ModeLine },
		"partial":   func(string) { c.Mode = ModePartial },
		"backorder": func(string) { c.Backorder = true },
		"until":     s.into(&c.ExpiresAtMS),
	}, nil)
	for _, text := range items {
		w := strings.Fields(text)
		l := AllocateLine{ItemID: w[0], UPC: w[1], Location: w[2], Quantity: s.number(w[3])}
		s.options(w[4:], nil, tagsInto(&l.Tags))
		c.Lines = append(c.Lines, l)
	}
	return c
}

func (s *story) orderChange(name, order string, items []string) *OrderChange {
	kinds := map[string]Kind{"confirm": KindConfirm, "deallocate": KindDeallocate, "fulfill": KindFulfill,
		"return": KindReturn}
	c := &OrderChange{Action: kinds[name], OrderID: order}
	for _, text := range items {
		w := strings.Fields(text)
		l := OrderLine{ItemID: w[0]}
		s.options(w[1:], map[string]func(string){
			"lost":  func(string) { l.Lost = true },
			"block": func(string) { l.Block = BlockSet },
			"upc":   func(v string) { l.UPC = v },
			"at":    func(v string) { l.Location = v },
		}, func(key, value string) {
			if value == "" {
				l.Quantity = s.number(key)
				return
			}
			l.Tags = append(l.Tags, Tag{key, value})
		})
		c.Lines = append(c.Lines, l)
	}
	return c
}

// answer applies a command and shows the answer and the changed records.
func (s *story) answer(c Command) string {
	before, hash := s.records(), s.stateHash()
	r := s.do(&s.envelope, c)
	s.envelope = Envelope{}
	var b strings.Builder
	b.WriteString(r.Code.String())
	if r.Repeated {
		b.WriteString(", as answered before")
	}
	if r.Field != "" {
		fmt.Fprintf(&b, ": %s %s", r.Field, r.Value)
	}
	of := "available"
	switch c := c.(type) {
	case *Redistribute, *Delete:
		fmt.Fprintf(&b, ": %d records, %d units, %d promised", r.Stock.Records, r.Stock.Units, r.Stock.Promised)
	case *CloseCount:
		if of = "on hand"; c.Complete && r.Code == CodeOK {
			fmt.Fprintf(&b, ": %d of %d records, %d units", r.Stock.Records, r.Stock.Items, r.Stock.Units)
		}
	}
	b.WriteByte('\n')
	for i := range r.Lines {
		showLine(&b, &r.Lines[i])
	}
	for _, x := range r.Changes {
		fmt.Fprintf(&b, "%s at %s %s: from %d to %d %s\n", x.UPC, x.Location,
			s.tags(x.TagSet), x.Before, x.After, of)
	}
	for _, x := range r.Blocked {
		fmt.Fprintf(&b, "%s at %s has %d on hand, %d allocated, %d pending\n", x.UPC, x.Location, x.OnHand, x.Allocated,
			x.Pending)
	}
	for _, x := range r.Records {
		fmt.Fprintf(&b, "%s at %s has version %d: %s\n", x.UPC, x.Location, x.Version,
			figuresOf(x.OnHand, x.Allocated, x.Pending, x.SafetyStock, x.OnHand-x.Allocated-x.Pending-x.SafetyStock))
	}
	if r.Code != CodeOK && r.Code != CodeKeyReused && s.stateHash() != hash {
		s.t.Errorf("the refusal of %+v changed the state", c)
	}
	after := s.records()
	for _, at := range slices.Sorted(keysOf(before, after)) {
		if after[at] == "" {
			fmt.Fprintf(&b, "%s is gone\n", at)
		} else if before[at] != after[at] {
			fmt.Fprintf(&b, "%s\n%s", at, after[at])
		}
	}
	return b.String()
}

func showLine(b *strings.Builder, l *LineResult) {
	fmt.Fprintf(b, "item %s: ", l.ItemID)
	switch {
	case l.Code == CodeOK && l.Pending != 0:
		fmt.Fprintf(b, "%d units and %d pending", l.Units, l.Pending)
	case l.Code == CodeOK:
		fmt.Fprintf(b, "%d units", l.Units)
	default:
		fmt.Fprintf(b, "%v, there are %d", l.Code, l.Available)
	}
	if l.Repeated {
		b.WriteString(", as before")
	}
	if l.Reason != "" {
		fmt.Fprintf(b, " (%s)", l.Reason)
	}
	b.WriteByte('\n')
}

func keysOf(maps ...map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, m := range maps {
			for k := range m {
				if !seen[k] && !yield(k) {
					return
				}
				seen[k] = true
			}
		}
	}
}

// records shows all records, by UPC and location.
func (s *story) records() map[string]string {
	all := map[string]string{}
	var v RecordView
	for row := uint32(1); row < s.e.records.Used(); row++ {
		rec := s.e.records.At(row)
		if rec.flags&recordLive == 0 {
			continue
		}
		upc, location := s.e.text(rec.upc), s.e.text(rec.location)
		s.e.ReadRecord(upc, location, &v)
		text := ""
		for i := range v.Segments {
			x := &v.Segments[i]
			text += fmt.Sprintf("  %s: %s\n", s.tags(x.TagSet),
				figuresOf(x.OnHand, x.Allocated, x.Pending, x.SafetyStock,
					x.Available()))
		}
		for _, f := range v.Future {
			to := s.tags(f.TagSet)
			if f.Split {
				to = "to be split"
			}
			text += fmt.Sprintf("  %s: %d due at %d\n", to, f.Quantity, f.DeliveryDateMS)
		}
		all[upc+" at "+location] = text
	}
	return all
}

// tags shows the values of a tag set, or a word for it in a schema without categories.
func (s *story) tags(id TagSetID) string {
	var values []string
	for _, t := range s.e.Schema().Tags(id) {
		values = append(values, t.Value)
	}
	if values == nil {
		return "all"
	}
	return strings.Join(values, "/")
}

func figuresOf(onHand, allocated, pending, safety, available int64) string {
	text := fmt.Sprintf("%d on hand", onHand)
	for _, x := range []struct {
		n    int64
		name string
	}{{allocated, "allocated"}, {pending, "pending"}, {safety, "safety stock"}} {
		if x.n != 0 {
			text += fmt.Sprintf(", %d %s", x.n, x.name)
		}
	}
	if available != onHand {
		text += fmt.Sprintf(", %d available", available)
	}
	return text
}

func (s *story) showEvents() string {
	var b strings.Builder
	for _, ev := range s.e.Events(s.told, 100, nil) {
		s.told = ev.ID
		words := []string{ev.Kind.String()}
		if ev.UPC != "" {
			words = append(words, ev.UPC)
		}
		if ev.Location != "" {
			words = append(words, "at "+ev.Location)
		}
		if ev.TagSet != 0 {
			words = append(words, s.tags(ev.TagSet))
		}
		for _, text := range []string{ev.Name, ev.OrderID, ev.ItemID, ev.Reason, ev.Reference} {
			if text != "" {
				words = append(words, text)
			}
		}
		fmt.Fprintf(&b, "%s: %d units, limit %d\n", strings.Join(words, " "), ev.Units, ev.Limit)
	}
	if b.Len() == 0 {
		return "none\n"
	}
	return b.String()
}

// showChanges shows the changes behind a place.
func (s *story) showChanges(after int64) string {
	page, _, err := s.e.ChangesAfter(ChangeCursor{Seq: uint64(after)}, 100, nil)
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, c := range page {
		fmt.Fprintf(&b, "%d: %s at %s", c.At.Seq, c.Key.UPC, c.Key.Location)
		if c.Deleted {
			b.WriteString(" is gone")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *story) showOrder(id string) string {
	var v OrderView
	if !s.e.ReadOrder(id, &v) {
		return "not in memory\n"
	}
	var b strings.Builder
	for i := range v.Items {
		it := &v.Items[i]
		fmt.Fprintf(&b, "item %s: %d of %s at %s\n", it.ItemID, it.Requested, it.UPC, it.Location)
		for _, l := range it.Lines {
			fmt.Fprintf(&b, "  %s:", s.tags(l.TagSet))
			for _, x := range []struct {
				n    int64
				name string
			}{{l.Allocated, "allocated"}, {l.Pending, "pending"}, {l.Fulfilled, "fulfilled"}, {l.Returned, "returned"},
				{l.Released, "released"}} {
				if x.n != 0 {
					fmt.Fprintf(&b, " %d %s", x.n, x.name)
				}
			}
			b.WriteByte('\n')
		}
		for _, m := range it.Movements {
			if m.Reason != "" {
				fmt.Fprintf(&b, "  %d %v: %s\n", m.Units, m.Kind, m.Reason)
			}
		}
	}
	return b.String()
}
