package sandbox

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// SyntaxError says where a source is wrong.
type SyntaxError struct {
	Line    int
	Column  int // from 1; 0 if not known
	Message string
}

// Error gives the place and the message.
func (e *SyntaxError) Error() string {
	if e.Column == 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// What names a bound of LimitError.
type What string

// The bounds of a call.
const (
	WhatSteps  What = "steps"
	WhatMemory What = "memory bytes"
	WhatDepth  What = "calls in calls"
	WhatStack  What = "registers"
	WhatString What = "bytes of a string"
	WhatList   What = "elements of a list"
	WhatSource What = "bytes of source"
)

// LimitError means that a script exceeded a bound and was stopped.
type LimitError struct {
	What  What
	Limit int64
	Line  int // 0 if not known
}

// Error names the bound and the line.
func (e *LimitError) Error() string {
	return at(e.Line) + fmt.Sprintf("more than %d %s", e.Limit, e.What)
}

// RuntimeError means that a script failed.
type RuntimeError struct {
	Line    int // 0 if not known
	Message string
}

// Error gives the line and the message.
func (e *RuntimeError) Error() string { return at(e.Line) + e.Message }

// ResultError means that a script returned something of the wrong shape.
type ResultError struct {
	Path    string // such as candidates[2].tags.Channel
	Message string
}

// Error gives the path and the message.
func (e *ResultError) Error() string { return e.Path + ": " + e.Message }

// StoppedError means that the caller stopped the script. It is no fault of the script.
type StoppedError struct{ Cause error }

// Error gives the cause.
func (e *StoppedError) Error() string { return "stopped by the server: " + e.Cause.Error() }

// Unwrap gives the context's error.
func (e *StoppedError) Unwrap() error { return e.Cause }

// ErrMemoryBusy is the cause of a StoppedError: other calls held all places at the MemoryGate until the deadline.
var ErrMemoryBusy = errors.New("other calls of rules hold all the memory that rules may take")

func at(line int) string {
	if line == 0 {
		return ""
	}
	return "line " + strconv.Itoa(line) + ": "
}

// chunkName is how the VM names the source in messages, as "rule:12: message".
const chunkName = "rule"

// failed turns an error of the VM into one of ours. fault is what the meter found, or nil.
func failed(err, fault error) error {
	line, message := split(err)
	switch fault := fault.(type) {
	case nil:
		return &RuntimeError{Line: line, Message: message}
	case *LimitError:
		fault.Line = line
		return fault
	case *RuntimeError:
		fault.Line = line
		return fault
	default:
		return fault
	}
}

// split takes the line from the front of a message of the VM.
func split(err error) (line int, message string) {
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return 0, err.Error()
	}
	object, isText := api.Object.(lua.LString)
	if !isText {
		return 0, "error with a value that is no text (" + api.Object.Type().String() + ")"
	}
	message = string(object)
	if rest, ok := strings.CutPrefix(message, chunkName+":"); ok {
		if number, text, ok := strings.Cut(rest, ":"); ok {
			if n, err := strconv.Atoi(number); err == nil {
				line, message = n, strings.TrimPrefix(text, " ")
			}
		}
	}
	return line, withoutAddresses(message)
}

// withoutAddresses removes the memory address from messages of the VM that show a table or a function as a key.
func withoutAddresses(message string) string {
	for {
		i := strings.Index(message, ": 0x")
		if i < 0 {
			return message
		}
		end := i + len(": 0x")
		for end < len(message) && strings.IndexByte("0123456789abcdef", message[end]) >= 0 {
			end++
		}
		message = message[:i] + message[end:]
	}
}
