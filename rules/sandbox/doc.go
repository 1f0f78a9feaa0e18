// Package sandbox runs Lua within bounds: it compiles a source, checks it, and calls its functions with Go values that
// the script sees as objects. It knows nothing of stock, does no I/O and starts no goroutine.
//
// It is the only package that imports gopher-lua, and vmlayout.go is the only file that looks into the VM's memory.
//
// # Why it is tight
//
// The VM asks its context's Done before each instruction. The meter is that context: it counts, looks at what the
// instruction is about to do, and ends the call before a bound is exceeded. It sees the operands through mirrors of the
// VM's structures (vmlayout.go), which are checked against the pinned version of the library when the process starts.
// So there are three places where work is done, and each is bounded:
//
//   - An instruction does a fixed small amount of work, except those below, which the meter charges by their operands.
//   - A library function is ours and charges itself before it works. None of gopher-lua's own is opened.
//   - The parser and the compiler get a source whose size, nesting and number of names are bounded.
//
// A fault stays for the rest of the call, and nothing catches errors: there is no pcall. A state that saw an error is
// thrown away. After the top level has run, every table and every local that it shares with functions is frozen, so a
// call finds what the first one found.
//
// What does work or allocates without a bound of its own in gopher-lua v1.1.2, found by reading its source:
//
//   - OP_CONCAT joins any length: charged by the result's length, which is bounded.
//   - OP_SETTABLE and table.insert: t[67000000] = 1 appends that many nils. lua.MaxArrayIndex is ListMax+1 here;
//     growing is charged by the elements. The first text key of a table allocates a map of 32 entries (2 KB), the first
//     other key one as large as the map of texts. A key that was removed stays in the list of keys, so that next goes
//     over it.
//   - OP_NEWTABLE and OP_SETLIST by their sizes; a constructor of more than 25,550 elements is compiled wrongly:
//     refused.
//   - OP_LEN goes back over the nils at a list's end. OP_EQ, OP_LT and OP_LE compare texts, the latter byte by byte.
//   - OP_ADD and its like parse texts as numbers and copy those that are none. OP_MOD goes through the quotient bit by
//     bit.
//   - OP_CLOSURE, OP_CLOSE and OP_RETURN walk the list of open upvalues, which may be as long as the registers are
//     many.
//   - OP_CALL and OP_VARARG copy arguments; functions with variable arguments would get a table arg (lua.CompatVarArg).
//   - OP_TAILCALL takes no frame, and an error writes a line for each: tail calls are made calls after compiling.
//   - Calls in calls and registers: bounded by the meter before the VM's own limits, which are ordinary errors.
//   - string.rep, format, find, match, gsub, gmatch, table.concat, sort, remove, unpack, tostring (which shows
//     addresses), select, math.random (one source for the process), pcall, load, coroutines, metatables: ours, or not
//     there.
//   - The compiler recurses by nesting, folds constants in quadratic time, looks for a constant among all of a
//     function, resolves each goto against each label, and takes 12 KB for a function: bounded in source.go. It numbers
//     registers and upvalues in 8 bits without noticing an overflow: refused.
//   - SetMx ends the process: never used.
//
// A step is charged for some 10 to 50 ns of work. TestBounds tries each of these and measures what was allocated.
//
// # Reading order
//
// limits.go and errors.go; script.go and state.go are the way of a call; object.go is what a script is given and
// value.go what it gives back; source.go and sourcewalk.go check a source; meter.go, metertable.go, memorygate.go and
// vmlayout.go bound a call; libbase.go, libtable.go, libstring.go, libpattern.go and pattern.go are the library.
//
// # Concurrency
//
// A Script is for any number of goroutines. Each call takes a State of its own from a pool.
package sandbox
