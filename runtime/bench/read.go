package bench

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"capmoe/collective"
	"capmoe/runtime"

	"golang.org/x/sys/unix"
)

const (
	readSize = 256 << 20 // bytes, more than caches hold: of one rank, or of those that take turns on a core
	line     = 64        // bytes that memory is read by
)

// measureReads is how fast one rank's threads read memory that no cache holds, in bytes per second, while all ranks do: the limit of
// products of few rows, which read all weights. It is the fastest pass.
func measureReads(p runtime.Process) (float64, error) {
	r, err := newReader(p)
	if err != nil {
		return 0, err
	}
	return r.fastest, r.free()
}

// reader reads memory that no cache holds, in the way that is faster on this core.
type reader struct {
	buf     []byte
	read    func([]byte) byte
	sums    []byte  // of each thread
	fastest float64 // bytes per second of one rank, while all ranks read
}

// newReader takes the memory, and finds the way. All ranks call it.
func newReader(p runtime.Process) (*reader, error) {
	size := max(os.Getpagesize(), shareOf(readSize, p.Turns)/line*line)
	buf, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		err = unix.Madvise(buf, unix.MADV_HUGEPAGE)
	}
	r := &reader{buf: buf, sums: make([]byte, p.Threads)}
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, errors.Join(err, r.free())
	}
	for i := 0; i < len(buf); i += line {
		buf[i] = byte(i / line)
	}
	ways := []func([]byte) byte{inTwoPlaces, inFourPlaces}
	var passes []func() error
	for _, way := range ways {
		passes = append(passes, func() error {
			r.read = way
			return r.pass()
		})
	}
	samples, err := measureByTurns(p.Comm, 5, passes...)
	if err != nil {
		return nil, errors.Join(err, r.free())
	}
	faster := 0
	if samples[1].Min < samples[0].Min {
		faster = 1
	}
	r.read, r.fastest = ways[faster], r.rate(samples[faster].Min)
	return r, nil
}

// pass reads the memory once.
func (r *reader) pass() error {
	var team sync.WaitGroup
	for i := range r.sums {
		team.Go(func() { r.sums[i] = r.read(r.buf[len(r.buf)/len(r.sums)*i:][:len(r.buf)/len(r.sums)]) })
	}
	team.Wait()
	return nil
}

// rate is the bytes per second of a pass that takes so long.
func (r *reader) rate(pass time.Duration) float64 { return float64(len(r.buf)) / pass.Seconds() }

// free gives the memory back, where it has not been.
func (r *reader) free() error {
	if r == nil || r.buf == nil {
		return nil
	}
	buf := r.buf
	r.buf = nil
	return unix.Munmap(buf)
}

// inTwoPlaces touches every line of b, in two places at a time: a core has more reads under way then than in one.
func inTwoPlaces(b []byte) byte {
	var s0, s1 byte
	half := len(b) / 2
	b0, b1 := b[:half], b[half:][:half]
	for i := 0; i < half; i += line {
		s0 += b0[i]
		s1 += b1[i]
	}
	return s0 + s1
}

// inFourPlaces is inTwoPlaces in four: which of them is faster is up to the core.
func inFourPlaces(b []byte) byte {
	var s0, s1, s2, s3 byte
	quarter := len(b) / 4
	b0, b1, b2, b3 := b[:quarter], b[quarter:][:quarter], b[2*quarter:][:quarter], b[3*quarter:][:quarter]
	for i := 0; i < quarter; i += line {
		s0 += b0[i]
		s1 += b1[i]
		s2 += b2[i]
		s3 += b3[i]
	}
	return s0 + s1 + s2 + s3
}

// normals are n values around ±1, the same for a seed.
func normals(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}
