// Command regress runs the short Go benchmarks of the packages and compares them with stored figures. It reports the
// benchmarks that became clearly slower or bigger, and ends with status 1 if there are any. With -store it stores the
// figures.
//
// It is not a part of the checks of every change: figures hold for one machine, and a busy machine makes them worse.
// benchstat decides about significance; this command runs it and reads its table.
//
// # Reading order
//
// main.go is the run, table.go reads benchstat's table.
package main
