package bench

import (
	"math"
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
// products of few rows, which read all weights.
func measureReads(p runtime.Process) (float64, error) {
	size := max(os.Getpagesize(), shareOf(readSize, p.Turns)/line*line)
	buf, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		defer unix.Munmap(buf)
		err = unix.Madvise(buf, unix.MADV_HUGEPAGE)
	}
	if err := collective.Agree(p.Comm, err); err != nil {
		return 0, err
	}
	for i := 0; i < len(buf); i += line {
		buf[i] = byte(i / line)
	}
	fastest := time.Duration(math.MaxInt64)
	sums := make([]byte, p.Threads)
	for _, read := range []func([]byte) byte{inTwoPlaces, inFourPlaces} {
		sample, err := measure(p.Comm, 5, func() error {
			var team sync.WaitGroup
			for i := range sums {
				team.Go(func() { sums[i] = read(buf[len(buf)/len(sums)*i:][:len(buf)/len(sums)]) })
			}
			team.Wait()
			return nil
		})
		if err != nil {
			return 0, err
		}
		fastest = min(fastest, sample.Min)
	}
	return float64(size) / fastest.Seconds(), nil
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
