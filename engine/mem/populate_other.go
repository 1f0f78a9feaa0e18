//go:build !linux

package mem

func useHugePages([]byte) {}

func populate[T any]([]T) {}

func populateBeside([]byte) {}
