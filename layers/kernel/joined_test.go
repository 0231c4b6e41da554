package kernel

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// perceptron is a made one: n outputs of F gates and ups of k values.
type perceptron struct {
	n, inner, k int
	gateUp      Matrix
	then        Joined
}

func newPerceptron(t testing.TB, lib Library, n, inner, k int) perceptron {
	return perceptron{n, inner, k, pack(t, lib, random(41, 2*inner*k, 0.3), shape{2 * inner, k}),
		Joined{Down: pack(t, lib, random(42, n*inner, 0.3), shape{n, inner})}}
}

// inSteps is what the perceptron gives one product after the other.
func (p perceptron) inSteps(x Values, m int) []float32 {
	gateUp, act, dst := make([]float32, m*2*p.inner), make([]float32, m*p.inner), make([]float32, m*p.n)
	p.gateUp.MulTo(gateUp, x, m)
	for i := range gateUp {
		if p.then.Bias != nil {
			gateUp[i] += p.then.Bias[i%(2*p.inner)]
		}
	}
	GateTo(act, gateUp, p.inner, p.then.Gate)
	p.then.Down.MulTo(dst, Values{F32: act}, m)
	return dst
}

// atOnce is what it gives by MulJoinedTo, nil where that knows no way.
func (p perceptron) atOnce(x Values, m int) []float32 {
	dst := slices.Repeat([]float32{nan}, m*p.n+1)
	if !MulJoinedTo(dst, x, m, p.gateUp, p.then) {
		return nil
	}
	return dst
}

// testJoined holds perceptrons at once against one product after the other.
func testJoined(t *testing.T, lib Library, dtype DType) {
	ways := 0
	for _, s := range [][3]int{{5, 32, 1}, {64, 64, 31}, {33, 96, 300}, {70, 40, 64}, {1, 192, 130}, {8, 64, 3000}} {
		p := newPerceptron(t, lib, s[0], s[1], s[2])
		for _, bias := range [][]float32{nil, random(43, 2*p.inner, 1)} {
			for _, gate := range []Gate{{}, {Limit: 1.5, Alpha: 1.7}} {
				p.then.Bias, p.then.Gate = bias, gate
				x := random(44, 800*p.k, 1)
				for _, m := range []int{0, 1, 16, 33, 49, 64, 65, 130, 330, 700, 800} {
					for _, rows := range givenAs(x[:m*p.k], dtype) {
						got := p.atOnce(rows, m)
						if got == nil {
							continue
						}
						ways++
						want := append(p.inSteps(rows, m), nan)
						if i := firstDifference(got, want); i >= 0 {
							t.Fatalf("%d of %d of %d, bias %t, limit %g: row %d of %d, column %d is %g, %g in steps",
								p.n, p.inner, p.k, bias != nil, gate.Limit, i/p.n, m, i%p.n, got[i], want[i])
						}
					}
				}
			}
		}
	}
	if strings.Contains(lib.Name(), "amx bf16") && dtype == BF16 && ways == 0 {
		t.Errorf("%s knows no way at once", lib.Name())
	}
}

// givenAs is rows as float32 and, for matrices of bf16, as bf16.
func givenAs(x []float32, dtype DType) []Values {
	all := []Values{{F32: x}}
	if dtype == BF16 && len(x) > 0 {
		all = append(all, Values{BF16: inBF16(x)})
	}
	return all
}

// testJoinedInPlace has results lie where rows do.
func testJoinedInPlace(t *testing.T, lib Library) {
	p, m := newPerceptron(t, lib, 64, 64, 64), 700 // cut by rows
	x := random(45, m*64, 1)
	want := p.inSteps(Values{F32: x}, m)
	if MulJoinedTo(x, Values{F32: x}, m, p.gateUp, p.then) && firstDifference(x, want) >= 0 {
		t.Error("results in the place of rows differ from results elsewhere")
	}
}

func testJoinedAllocations(t *testing.T, lib Library) {
	p, m := newPerceptron(t, lib, 64, 64, 64), 100
	x, dst := Values{F32: random(46, m*64, 1)}, make([]float32, m*64)
	if n := testing.AllocsPerRun(20, func() { MulJoinedTo(dst, x, m, p.gateUp, p.then) }); n > 0 {
		t.Errorf("a perceptron makes %g allocations", n)
	}
}

func testJoinedMisuse(t *testing.T, lib Library) {
	const m = 64
	p := newPerceptron(t, lib, 32, 32, 32)
	x, dst := Values{F32: make([]float32, m*32)}, make([]float32, m*32)
	if !MulJoinedTo(dst, x, m, p.gateUp, p.then) {
		return
	}
	mustPanic(t, "short x", func() { MulJoinedTo(dst, x.Slice(0, m*32-1), m, p.gateUp, p.then) })
	mustPanic(t, "short dst", func() { MulJoinedTo(dst[1:], x, m, p.gateUp, p.then) })
	mustPanic(t, "a short bias", func() { MulJoinedTo(dst, x, m, p.gateUp, Joined{Down: p.then.Down, Bias: make([]float32, 63)}) })
	other := newPerceptron(t, lib, 32, 64, 32)
	mustPanic(t, "another perceptron's down", func() { MulJoinedTo(dst, x, m, p.gateUp, other.then) })
	p.then.Down.Free()
	mustPanic(t, "down after Free", func() { MulJoinedTo(dst, x, m, p.gateUp, p.then) })
	p.gateUp.Free()
	mustPanic(t, "gates and ups after Free", func() { MulJoinedTo(dst, x, m, p.gateUp, other.then) })
}

func testPerceptrons(t *testing.T, make func(threads int) Library, dtype DType) {
	for _, threads := range []int{1, 3} {
		t.Run(fmt.Sprintf("perceptrons have the bits of their steps, on %d threads", threads), func(t *testing.T) { testJoined(t, make(threads), dtype) })
	}
	t.Run("perceptrons in place", func(t *testing.T) { testJoinedInPlace(t, make(2)) })
	t.Run("perceptrons allocate nothing", func(t *testing.T) { testJoinedAllocations(t, make(1)) })
	t.Run("misuse of perceptrons panics", func(t *testing.T) { testJoinedMisuse(t, make(1)) })
}
