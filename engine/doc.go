// Package engine is the pure core of Apportion: records split into segments, the commands that change them, and Apply.
//
// It owns every rule about stock: what may be promised, how units are split, where they return to, what a repeated
// command answers. It never does I/O, never reads a clock, draws no random number, starts no goroutine and does not let
// the order of a Go map show. Time comes with the command. The same commands give the same rows, byte for byte, on
// every replica.
//
// The log outlives programs: a change of an order that was written by one of before command version 6 means what it
// meant there. What is said of them below is so since then.
//
// # Rules
//
// Figures. For each segment, and for each record as the sum of its segments,
// onHand = allocated + pending + safetyStock + available, where only available may be negative.
//
// Targets. A tag set names one value in every category; a missing category takes its default value. A stock item
// without a value of any distributed category (one whose values have percents) is for a whole group: the segments that
// agree in all discrete categories. Its quantity is split over the group. Any other item is for exactly one segment.
// Order lines are always for one segment.
//
// Splitting a group with T units on hand. Let C be its allocated + pending + safety stock units.
//
//   - T >= C: every segment keeps what covers its own C, and the T-C available units are split by percent (product over
//     the distributed categories), rounded as the category says, with min and max of the values.
//   - T < C: on hand covers allocated first, then safety stock, then pending. A layer that is not covered in full is
//     shared in proportion to its size in each segment, by largest remainder, ties by segment order.
//
// A split creates the group's missing segments whose percent or min is above 0, also where the share rounds to nothing,
// so that a known channel answers CodeInsufficient and not CodeUnknownSegment.
//
// Refresh sets on hand of its target, Adjust adds to it; an Adjust of a group splits the group's new total, it does not
// only split the change. On hand below zero is refused. Safety stock of a group is split as available units are.
// A floor or an ltd given for a group belong to the record, given for a segment to that segment. Two items for the same
// target and delivery date in one command are CodeDuplicate; a group and one of its segments overlap, so they count as
// the same target. A record that is due is split group by group after its next Refresh or Adjust, and is due no more.
//
// A Refresh that names a count adds what came and went since the count began. It corrects the count's start, too, so
// that the same count may be loaded again. An item of which more has gone since than was counted has 0 on hand then,
// and is told of (Result.Shortfalls, EventCountShort); it does not keep the others from being counted.
//
// Future stock. A stock item with a delivery date to come (CodeExpired otherwise) sets (Refresh; 0 removes) or changes
// (Adjust) the quantity that the target will receive; when an entry's time reaches the date, it is adjusted into on
// hand, before the entry's commands. Of what is due at an entry, reservations end first, then deliveries arrive, then
// counts close, each by their times.
//
// Allocate takes up to max(0, available) of the segment for each line, lines in order, two lines on one segment summed.
// With Backorder the rest becomes pending. A line is refused (CodeUnknownRecord, CodeUnknownSegment, CodeInsufficient)
// when it takes less than its mode demands; ModePartial refuses only a line that gets nothing. With Backorder a missing
// segment of a known record is created. In ModeAll one refused line refuses the command: then Result.Code is the code
// of the refused line with the smallest code, and the lines that could have been met answer CodeUnavailable. An unknown
// tag, and a line that contradicts its order item (below), refuse the whole command in every mode; Lines is empty then.
//
// An order item is its own idempotency key: a line for an item that exists answers what was allocated then (Repeated),
// or CodeItemConflict when upc, location, quantity or tags differ, or when it is a reservation with another end. An
// item of which nothing is left, because everything was released and nothing fulfilled, may be allocated anew.
//
// Pending units wait in their segment, oldest order item first. Whenever on hand less allocated less safety stock of a
// segment is positive after a change, as many of them become allocated, the oldest item first, in part if need be.
//
// Order changes. Lines answer in the command's order; a command without lines is for all items of the order that have
// something left. All lines or none: the smallest code of a refused line (CodeUnknownItem, CodeExpired,
// CodeNotReserved, CodeExceedsLeft, CodeOnHandBelowZero, CodeTooMany, CodeNothingLeft) is the command's code.
//
// More units can be promised than are on hand, after a Refresh or a loss. Then a Fulfill of them is
// CodeOnHandBelowZero, and Available is how many can ship.
//
// What finds nothing left to be done to is no success that its caller may take for one. A Fulfill or a Return of a
// whole order, or of all that is left of an item, answers what was shipped, or came back, before (Repeated), or else is
// CodeNothingLeft, and the lines' Reason says what became of the units. A Deallocate finds nothing held, which is what
// it was for, and is CodeNothingLeft only if units have been shipped. A Confirm finds no reservation (CodeNotReserved),
// or one whose units have gone.
//
// Deallocate takes pending before allocated units, and the allocation lines in reverse order; Fulfill and Return take
// them in order. Confirm keeps the named quantity (allocated before pending, lines in order), releases what else the
// named items hold and all of the reservations that are not named, and ends the reservation; items that are no
// reservation are left alone. A Confirm of a reservation that has ended is CodeExpired; any other change of one finds
// nothing left. After each line, pending units take what it has freed.
//
// A Deallocate line may say that its units are lost: then on hand falls by the allocated ones that it releases, so that
// nobody is promised them next, and by no more than there are. It may also set or take away the mark of its record, see
// Block.
//
// A Return line that names another location than the item's puts the units into the segment with the same tags at that
// location. Tags that it names go over those of the segment: what is not named stays. An item that a known order does
// not have is CodeUnknownItem. Of an order of which nothing was ever allocated, the line's UPC and Location decide, and
// the units go to the segment of its Tags (the default segment if it has none); record and segment are created if they
// do not exist. What came back so is kept as an item of that order, which asked for nothing, with an event; the same
// line again answers the same (Repeated), another one is CodeItemConflict. Without UPC and Location such a line is
// CodeUnknownOrder or CodeUnknownItem.
//
// Transition makes reserved items of one order firm items of another, under other ids if the lines say so, with all
// that they hold; the rest of the first order stays as it is. An item that the other order has already is
// CodeItemConflict.
//
// Transfer moves available units only, all items or none; the target's record and segment are created if need be. No
// item can give what another one of the command brings.
//
// Redistribute marks records as due, or with Now splits every group of each of them in this entry.
//
// Schema. Putting a category in which a value is missing that exists today removes the value: refused (CodeInUse) while
// any segment of it has stock, safety stock, promises or future stock, unless MoveTo names a value that stays. Tag sets
// keep their explicit values: a new default does not move stock. A new category adds its default value to every tag
// set. What fulfilled units of a value that was removed unused bring back goes to the default value. Segments that
// become one keep the larger floor and ltd, and their pending units wait by the age of the order items.
//
// Who makes a category out of the one that there is, to change one value, says what was seen: if it is another one by
// then, the answer is CodeRetry.
//
// Rules. Sources are stored in versions, of which some are active: asked, by the leader and before the log, about the
// lines or records in a scope. Of the scopes that take a line in, that with more tags, then the longer UPC prefix, then
// fewer locations decides; an activation for which that would not be clear is refused (CodeRuleConflict). Activating
// another version of a rule for the same scope replaces the one before. A tag of a scope that leaves the schema matches
// nothing.
//
// An Allocate carries what rules decided, as data: for each of its lines candidates in order, with the units to keep in
// each and the most to take, or a refusal. The candidates are executed on the stock as it is at the command's place in
// the log: each gives what is wanted still, at most its available units less what it keeps, at most its max; one that
// the schema or the record does not know is passed over. A line that is refused takes nothing, and its Available is
// what the candidates could have given. What they cannot give waits, with Backorder, in the line's own segment, as all
// pending units do: what a rule has left there goes to them at once. An item keeps the tags that its order asked for,
// whatever fills it; units go back to the segments that they came from. An item that exists answers as ever, its plan
// unread. A plan made under other active rules than there are now is CodeRetry.
//
// Why an item was filled as it was is kept, 100,000 items or a week: what a rule said, with the figures of the moment.
// For lines without a rule the allocation line keeps what its segment had available.
//
// Redistribution by rule. A record for which a redistribute rule is active is not split by percent when it is
// redistributed (by Redistribute with Now, or being due): it waits for a plan, and is due no more. The leader asks the
// rule and proposes a RedistributePlan, which says for each record what its segments are to have available, or that it
// is to be split by percent (the rule failed, or none is active any more), or to stay as it is. A record that has
// changed since the rule saw it, or does not wait, is passed over. Targets move on hand units only, must give out
// exactly what their segments have available, and are for one segment each; otherwise the record stays as it is
// (EventRedistributeKept says why). A segment that is missing is created if it is to have units. While a rule is
// suspended, its records are split by percent or stay as they are, as its OnError says. A RedistributePlan that was
// planned under other active rules than there are now is CodeRetry.
//
// Idempotency. A command with a key that was used in the last 24 hours answers the kept result (Repeated), or
// CodeKeyReused with the first field that differs. Every result is kept, refusals too.
//
// Block marks records for those who choose where an item comes from. The engine itself does not look at the mark.
//
// Locations. PutLocation keeps what is to be known of a location besides its stock, PutLocationGroup which locations
// are meant by one name. The engine itself does not look at either.
//
// Jobs. A command that comes with a JobInfo has its outcome kept, refusals too, under a number that its result names:
// for calls that answer with the number of something to be asked for later. A Redistribute can have one for each
// location that it concerns. A command that is not well formed, or is to be sent again (CodeRetry), has none.
//
// # Reading order
//
// command.go and result.go say what goes in and out, check.go what is refused without a look at the state, codec.go the
// binary form; slab.go, text.go, table.go and ring.go are the pointer-free memory; state.go has the rows and change.go
// the one way to change them; schema.go and split.go are the percentages; apply.go is the way of a command, stock.go,
// group.go, deletesegments.go, future.go, allocate.go, planned.go, order.go, itemindex.go, orderchange.go, giveback.go,
// nothingleft.go, transition.go and schemachange.go what it does, rule.go and rulechange.go the rules,
// redistributeplan.go what they do to records, room.go what limits it; results.go, events.go, explain.go, job.go,
// place.go, placegroup.go and block.go are what is kept of it; read.go is the lock-free side; checkpoint.go, frozen.go,
// rows.go, rulerows.go, archive.go, load.go and verify.go are the durable form.
//
// # Concurrency
//
// Apply, Warm, Freeze, ReadOrder and the other methods that say so are for one goroutine at a time (the caller's
// mutex). ReadRecord, Refuses, Schema, AppliedIndex and Stats may run at any time, from any goroutine, without blocking
// the writer. Checkpoint.Next runs beside the writer, which waits for it only if both want the same row at the same
// moment.
package engine
