package kernel

import "fmt"

// Joined is how a perceptron goes on from the product of its rows with a matrix of gates and ups: Down·act(gates, ups).
type Joined struct {
	Bias []float32 // [2F] added to gates and ups, or nil
	Gate Gate
	Down Matrix // [n, F]
}

// joiner is a Matrix that may know a faster way through a perceptron than one product after the other.
type joiner interface {
	mulJoinedTo(dst []float32, x Values, m int, then Joined) bool
}

// MulJoinedTo computes dst [m, n] = Down·act(gates, ups) of m rows x, [m, k], and gives the bits that MulTo, GateTo and MulTo give one after
// the other: gateUp is [2F, k], the F rows of gates first. It reports false, and leaves dst, where no faster way is known for these matrices
// and so many rows. Each row of dst may lie where its row of x does; with one thread, over any rows of x up to that. It panics as MulTo does.
func MulJoinedTo(dst []float32, x Values, m int, gateUp Matrix, then Joined) bool {
	mat, ok := gateUp.(joiner)
	return ok && mat.mulJoinedTo(dst, x, m, then)
}

// checkJoined panics on a perceptron whose sides do not fit.
func checkJoined(gateUp sides, dst []float32, x Values, m int, then Joined) {
	n, inner := then.Down.Dims()
	if 2*inner != gateUp.n {
		panic(fmt.Sprintf("kernel: mul: %d gates and ups for a product of %d", gateUp.n, inner))
	}
	if then.Bias != nil && len(then.Bias) != gateUp.n {
		panic(fmt.Sprintf("kernel: mul: a bias of %d for %d gates and ups", len(then.Bias), gateUp.n))
	}
	checkMul(sides{n, gateUp.k, gateUp.dtype}, dst, x, m)
}
