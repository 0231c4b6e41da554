package layers

// experts runs the experts that this rank owns on the rows sent to it.
type experts struct {
	hidden int
	mlp    mlp
}

// forward replaces the rows of the owned experts by their outputs.
func (x *experts) forward(in arrived, w []ExpertWeights) {
	at := 0
	for i, n := range in.counts {
		own := in.rows[at*x.hidden : (at+n)*x.hidden]
		computed := own[:in.compute[i]*x.hidden]
		x.mlp.forward(computed, computed, in.compute[i], &w[i])
		clear(own[len(computed):])
		at += n
	}
}
