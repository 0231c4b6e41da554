package layers

import "capmoe/layers/kernel"

// rmsNorm computes dst = w ⊙ x / sqrt(mean(x²) + eps) for every row of x, [n, len(w)].
// dst may be x. (Zhang, Sennrich 2019.)
func rmsNorm(dst, x, w []float32, eps float32) {
	kernel.RMSNormTo(dst, x, w, eps)
}

// one is the weight of a plain sum.
var one = []float32{1}

// addTo computes dst += x.
func addTo(dst, x []float32) {
	kernel.AddApart(dst[:len(x)], one, &[kernel.MostApart][]float32{x})
}

// addRows adds bias to every row of x, [n, len(bias)].
func addRows(x, bias []float32) {
	for at := 0; at < len(x); at += len(bias) {
		addTo(x[at:at+len(bias)], bias)
	}
}

// clip limits every value of x to ±limit.
func clip(x []float32, limit float32) {
	for i, v := range x {
		x[i] = min(max(v, -limit), limit)
	}
}
