package layers

// experts runs the experts that this rank owns on the rows sent to it.
type experts struct {
	hidden int
	mlp    mlp
}

// forward replaces rows, [N, H] grouped by owned expert with counts[i] rows for the
// i-th, by the experts' outputs.
func (x *experts) forward(rows []float32, counts []int, w []ExpertWeights) {
	at := 0
	for i, n := range counts {
		own := rows[at*x.hidden : (at+n)*x.hidden]
		x.mlp.forward(own, own, n, &w[i])
		at += n
	}
}
