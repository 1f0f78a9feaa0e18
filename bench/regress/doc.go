// Command regress runs the short Go benchmarks of the parts and compares them with the figures that were stored before:
// it reports what became clearly slower or bigger, and ends with status 1 if anything did. With -store it stores the
// figures.
//
// It is no part of the checks that every change must pass: figures hold for one machine, and a busy one makes them
// worse. benchstat decides what is significant; this command only runs it and reads its table.
//
// # Reading order
//
// main.go is the run, table.go reads benchstat's table.
package main
