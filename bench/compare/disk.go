package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The disk probe: the time of a bare write and sync of 4 KB. It writes one block after another into an existing file,
// as a log that reuses its files does. A growing file would be slower, and the comparison easier for Apportion.
const (
	probeBlockBytes = 4096
	probeFileBlocks = 4096
)

type diskProbe struct {
	file      *os.File
	block     []byte
	at        int64
	latencies []time.Duration
}

type diskFigures struct {
	syncs    int
	p50, p99 time.Duration
}

func newDiskProbe(dir string) (*diskProbe, error) {
	file, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		return nil, err
	}
	p := &diskProbe{file: file, block: make([]byte, probeBlockBytes)}
	for i := range p.block {
		p.block[i] = byte(i * 7)
	}
	for i := range int64(probeFileBlocks) {
		if _, err := file.WriteAt(p.block, i*probeBlockBytes); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return p, file.Sync()
}

func (p *diskProbe) turn(duration time.Duration) error {
	for started := time.Now(); ; p.at++ {
		before := time.Now()
		if _, err := p.file.WriteAt(p.block, p.at%probeFileBlocks*probeBlockBytes); err != nil {
			return err
		}
		if err := syncData(p.file); err != nil {
			return err
		}
		p.latencies = append(p.latencies, time.Since(before))
		if time.Since(started) >= duration {
			return nil
		}
	}
}

func (p *diskProbe) figures() diskFigures {
	slices.Sort(p.latencies)
	return diskFigures{len(p.latencies), percentile(p.latencies, 50), percentile(p.latencies, 99)}
}
