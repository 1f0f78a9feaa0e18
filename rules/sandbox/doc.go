// Package sandbox runs Lua within bounds: it compiles a source, checks it, and calls its functions with Go values that
// the script sees as objects. It knows nothing of stock, does no I/O and starts no goroutine.
//
// It is the only package that imports gopher-lua, and vmlayout.go is the only file that looks into the VM's memory.
//
// # Why it is tight
//
// Before each instruction the VM calls Done of its context. The meter is that context: it counts, looks at the
// instruction's operands, and ends the call before a bound is exceeded. It sees the operands through mirrors of the
// VM's structures (vmlayout.go), which are compared with the pinned version of the library when the process starts.
// Work is done in three places, and each is bounded:
//
//   - An instruction does a small fixed amount of work. The exceptions, listed below, are charged by their operands.
//   - A library function is ours and charges its work before it begins. None of gopher-lua's own is used.
//   - The parser and the compiler get a source with bounded size, nesting and number of names.
//
// A fault stays for the rest of the call. Nothing catches errors: there is no pcall. A state that saw an error is
// dropped. After the top level has run, all its tables and all its locals that functions share are frozen, so every
// call finds the same state as the first.
//
// Without a bound of its own in gopher-lua v1.1.2, found by reading its source:
//
//   - OP_CONCAT joins any length: charged by the result's length, which is bounded.
//   - OP_SETTABLE and table.insert: t[67000000] = 1 appends that many nils. lua.MaxArrayIndex is ListMax+1 here;
//     growing is charged by the elements. The first text key of a table allocates a map of 32 entries (2 KB), the first
//     other key one as large as the map of texts. A removed key stays in the list of keys, and next goes over it.
//   - OP_NEWTABLE and OP_SETLIST: charged by size. A constructor of more than 25,550 elements is compiled wrongly:
//     refused.
//   - OP_LEN goes back over the nils at a list's end. OP_EQ, OP_LT and OP_LE compare texts, the latter byte by byte.
//   - OP_ADD and its like parse texts as numbers, and copy other texts into an error. OP_MOD works through the quotient
//     bit by bit.
//   - OP_CLOSURE, OP_CLOSE and OP_RETURN walk the list of open upvalues, at most one for each register.
//   - OP_CALL and OP_VARARG copy arguments; functions with variable arguments would get a table arg (lua.CompatVarArg).
//   - OP_TAILCALL takes no frame, and an error prints a line for each: after compiling, tail calls become calls.
//   - Calls in calls and registers: bounded by the meter before the VM's own limits, which are ordinary errors.
//   - string.rep, format, find, match, gsub, gmatch, table.concat, sort, remove, unpack, tostring (which shows
//     addresses), select, math.random (one source for the process), pcall, load, coroutines, metatables: ours, or not
//     offered.
//   - The compiler recurses by nesting, folds constants in quadratic time, compares a constant with all others of its
//     function, compares each goto with each label, and takes 12 KB for a function: bounded in source.go. It numbers
//     registers and upvalues in 8 bits and does not notice an overflow: refused.
//   - SetMx ends the process: never used.
//
// A step is charged for 10 to 50 ns of work. TestBounds tries each of these and measures the allocations.
//
// # Reading order
//
// limits.go and errors.go; script.go and state.go compile and call; object.go is what a script is given and
// value.go what it returns; source.go and sourcewalk.go check a source; meter.go, metertable.go, memorygate.go and
// vmlayout.go bound a call; libbase.go, libtable.go, libstring.go, libpattern.go and pattern.go are the library.
//
// # Concurrency
//
// A Script is for any number of goroutines. Each call takes a State of its own from a pool.
package sandbox
