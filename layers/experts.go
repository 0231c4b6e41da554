package layers

// experts runs the experts that this rank owns on the rows sent to it.
type experts struct {
	hidden int
	mlp    *mlp
}

// forward computes the outputs of the owned experts, one expert after the other: they may lie where rows were.
func (x *experts) forward(in arrived, w []ExpertWeights) {
	at, h := 0, x.hidden
	for i, n := range in.counts {
		own, computed := in.outputs[at*h:(at+n)*h], in.compute[i]
		x.mlp.forward(own, in.rows.From(at*h), computed, &w[i])
		clear(own[computed*h:])
		at += n
		if in.between != nil {
			in.between()
		}
	}
}
