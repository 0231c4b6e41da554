package layers

// RopeConfig is rotary position embedding and how it is stretched beyond the
// positions that a model was first trained on.
type RopeConfig struct {
	Theta  float64
	Linear float64 // divides all frequencies; 0: no
	Yarn   YarnConfig
}

// YarnConfig is YaRN (Peng et al. 2023, arXiv 2309.00071). The zero value is none.
type YarnConfig struct {
	Factor    float64 // of stretch; 0: no YaRN
	Positions int     // that the model was first trained on
	BetaFast  float64 // turns over Positions from which a frequency stays as it is
	BetaSlow  float64 // turns up to which it is divided by Factor
	Exact     bool    // the ends of the ramp between them are not rounded to whole elements
	Amplitude float32 // factor of cos and sin; 0 counts as 1
}
