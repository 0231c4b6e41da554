package bench

import (
	"math"
	"math/rand/v2"
)

// skewedScores are softmax scores [tokens, experts] of the tokens from..from+tokens of
// a step: every token's from its own seed, so that they are the same whoever makes
// them. Experts differ in popularity like those of a trained router: at top 8 of 64
// the busiest gets about three times the mean.
func skewedScores(seed uint64, from, tokens, experts int) []float32 {
	popularity := make([]float64, experts)
	r := rand.New(rand.NewPCG(seed, 0))
	for e := range popularity {
		popularity[e] = 0.7 * r.NormFloat64()
	}
	scores := make([]float32, tokens*experts)
	for t := range tokens {
		r := rand.New(rand.NewPCG(seed, uint64(1+from+t)))
		row := scores[t*experts : (t+1)*experts]
		sum := 0.0
		for e := range row {
			v := math.Exp(popularity[e] + r.NormFloat64())
			row[e] = float32(v)
			sum += v
		}
		for e := range row {
			row[e] /= float32(sum)
		}
	}
	return scores
}
