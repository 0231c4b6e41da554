package capacity

import (
	"testing"

	"capmoe/collective"
)

// The lost share of gate mass is that of one step however many steps add up.
func TestMassOfLongRunsHasRoom(t *testing.T) {
	s := scenario{cfg: Config{Policy: Drop, Expert: Times(0.5)}, model: Model{Experts: 2, TopK: 1}, tokens: 4, nodes: 1}
	s.scores = []float32{0.75, 0.25, 0.5, 0.25, 0.75, 0, 1, 0}
	out, err := s.plan(1, [][]int32{{0, 1, 2, 3}}, s.layout(1))
	if err != nil {
		t.Fatal(err)
	}
	run := out.ledger
	for range 40 {
		run.Add(run)
	}
	run = LedgerOf(run.Counts())
	if got := run.GateMassLost(); got != 2./3 || run.Tokens != 4<<40 {
		t.Errorf("%d tokens lose %v of their gate mass, want 2/3", run.Tokens, got)
	}
}

// A score that is too large for sums of weights is refused on every rank, as NaN is.
func TestScoreBeyondTheLargestIsRefused(t *testing.T) {
	s := scenario{model: Model{Experts: 2, TopK: 1}, tokens: 2, nodes: 1}
	for score, refused := range map[float32]bool{MaxScore: false, MaxScore + 2: true, 1e38: true} {
		s.scores = []float32{0, 1, score, 0}
		errs := make([]error, 2)
		collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
			p, err := NewPlanner(c, s.cfg, s.model, s.layout(2))
			if err != nil {
				return err
			}
			_, errs[c.Rank()] = p.Plan(s.step([]int32{int32(c.Rank())}))
			return nil
		})
		for r, err := range errs {
			if (err != nil) != refused {
				t.Errorf("score %v: rank %d says %v", score, r, err)
			}
		}
	}
}
