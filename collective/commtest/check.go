package commtest

import (
	"fmt"

	"capmoe/collective"
)

// rule is one promise of a Communicator. All ranks run it; one that finds it
// broken must still keep in step with the others.
type rule struct {
	name string
	test func(c collective.Communicator) error
}

// Check runs all rules on c, in the same order on every rank, and stops at the
// first that is broken on any of them. The error, a *collective.RankError, says
// which rule and which rank. c works as before when Check returns nil.
func Check(c collective.Communicator) error {
	for _, rules := range [][]rule{
		allToAllRules, nonblockingRules, gatherRules, reduceRules, splitRules, argumentRules, agreementRules, windowRules,
	} {
		for _, r := range rules {
			err := r.test(c)
			if err != nil {
				err = fmt.Errorf("commtest: %s: %w", r.name, err)
			}
			if err := collective.Agree(c, err); err != nil {
				return err
			}
		}
	}
	return nil
}
