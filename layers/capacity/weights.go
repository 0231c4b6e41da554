package capacity

// Weighting is a model family's rule from the scores of a token's experts to the
// weights of their outputs.
type Weighting struct {
	Normalize bool    // divide by the sum over the token's own top K
	Scale     float32 // multiply by this; 0 counts as 1
}

// smallestSum guards the division where nothing is kept (as the authors' code does).
const smallestSum = 1e-20

// weights turns the scores of a token's kept experts into weights, in place. top is
// the sum of the scores of its top K, in order of score.
func (w Weighting) weights(kept []float32, top float32, r Renormalize) {
	for i := range kept {
		kept[i] = w.weight(kept[i], top)
	}
	if r == KeepWeights {
		return
	}
	var sum float32
	for _, x := range kept {
		sum += x
	}
	mass := float32(1)
	if r == OriginalMass {
		mass = w.weight(top, top)
	}
	for i := range kept {
		kept[i] = kept[i] / max(sum, smallestSum) * mass
	}
}

// weight is the family's formula for one score.
func (w Weighting) weight(score, top float32) float32 {
	if w.Normalize {
		score /= max(top, smallestSum)
	}
	if w.Scale != 0 {
		score *= w.Scale
	}
	return score
}
