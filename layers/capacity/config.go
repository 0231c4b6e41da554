package capacity

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Policy says which pairs are candidates and what happens to those refused.
type Policy uint8

// The policies, in the words of the command line.
const (
	Dropless Policy = iota // every pair of the top K stays
	Drop                   // each expert keeps its best C of the top-K pairs
	Reroute                // refused pairs are offered to the token's next best experts
	Expanded               // the top K plus every expert local to the token, best C each
)

var policyNames = []string{"dropless", "drop", "reroute", "expanded"}

func (p Policy) String() string { return policyNames[p] }

// ParsePolicy reads a policy's name.
func ParsePolicy(name string) (Policy, error) {
	i, err := parseName("policy", name, policyNames)
	return Policy(i), err
}

// Order is what an expert prefers among its candidates, after the priority class.
type Order uint8

// The orders of --moe-token-drop-policy, then those that only baselines use.
const (
	Probs        Order = iota // highest score, then lowest token id
	Position                  // lowest token id
	Last                      // highest token id
	Random                    // a hash of seed, layer, token id and expert
	FinalWeights              // highest weight, then lowest token id
	Choices                   // all first choices before any second; lowest token id among equals
	Arrival                   // lowest source rank, then its tokens as they come
)

// flagOrders is how many of the orders --moe-token-drop-policy has.
const flagOrders = int(Random) + 1

var orderNames = []string{"probs", "position", "last", "random", "final weights", "choices", "arrival"}

func (o Order) String() string { return orderNames[o] }

// ParseOrder reads an order's name.
func ParseOrder(name string) (Order, error) {
	i, err := parseName("token drop policy", name, orderNames[:flagOrders])
	return Order(i), err
}

// Scope says over which tokens T and the selection run.
type Scope uint8

// The scopes of --capacity-scope.
const (
	Global Scope = iota // all tokens of the expert-parallel group
	Local               // every rank selects among its own tokens, with its own T
)

var scopeNames = []string{"global", "local"}

func (s Scope) String() string { return scopeNames[s] }

// ParseScope reads a scope's name.
func ParseScope(name string) (Scope, error) {
	i, err := parseName("capacity scope", name, scopeNames)
	return Scope(i), err
}

// Renormalize says how a token's kept weights are rescaled.
type Renormalize uint8

// The rules of --renormalize.
const (
	KeepWeights  Renormalize = iota // none: the family's weights as they are
	OriginalMass                    // original: to the sum they would have had dropless
	UnitMass                        // unit: to one
)

var renormalizeNames = []string{"none", "original", "unit"}

func (r Renormalize) String() string { return renormalizeNames[r] }

// ParseRenormalize reads a rule's name.
func ParseRenormalize(name string) (Renormalize, error) {
	i, err := parseName("renormalize rule", name, renormalizeNames)
	return Renormalize(i), err
}

func parseName(what, name string, names []string) (int, error) {
	for i, known := range names {
		if name == known {
			return i, nil
		}
	}
	return 0, fmt.Errorf("capacity: unknown %s %q, want one of %s", what, name, strings.Join(names, ", "))
}

// Rounding is a system's formula from γ, K, T and E to the expert capacity C.
type Rounding uint8

// The formulas. T_l is the tokens of the selecting rank, E_l the experts of one rank.
const (
	Standard   Rounding = iota // max(1, ceil((γ·K)·(T/E)))
	Authors                    // ceil((γ·K)·(T_l/E))
	MegatronLM                 // ceil((T·K/E)·γ)
	DeepSpeed                  // max(4, ceil((T_l/E)·(γ·K)))
	Tutel                      // K·floor(γ·ceil(T_l/E))
	FastMoE                    // ceil(γ·T_l/E_l)
	MegaBlocks                 // int(γ·K·T/E)
)

// Factor is a capacity factor, or unset: no bound. The zero value is unset.
type Factor struct {
	gamma float64
	set   bool
}

// Times is a budget of gamma × the mean load.
func Times(gamma float64) Factor { return Factor{gamma: gamma, set: true} }

// Gamma returns the factor and whether it is set.
func (f Factor) Gamma() (float64, bool) { return f.gamma, f.set }

func (f Factor) String() string {
	if !f.set {
		return "-"
	}
	return fmt.Sprintf("%g", f.gamma)
}

// Config is one capacity policy. The zero value is dropless.
type Config struct {
	Policy        Policy
	Order         Order
	Scope         Scope
	Expert        Factor // bounds the pairs of one expert
	Rank          Factor // bounds the pairs of all experts on one rank
	Node          Factor // bounds the pairs of all experts on one node
	Rounding      Rounding
	MinCapacity   int // Standard: lower limit of an expert's capacity; below 1 counts as 1
	Rounds        int // Reroute: rounds in all; 0 runs until nobody is refused
	Floor         float64
	Extra         Extra // Expanded: which experts are offered besides the top K
	Renormalize   Renormalize
	AfterDispatch bool   // refused pairs travel all the same and are left out by the receiver
	RawWeights    bool   // skip the family's normaliser: weights are scores
	Seed          uint64 // Order Random
}

// Extra names the experts that Expanded offers a token besides its top K.
type Extra struct {
	Kind    ExtraKind
	Experts []int // Kind ListedExperts
}

// ExtraKind is one of the rules of --expanded-experts.
type ExtraKind uint8

// The rules of --expanded-experts.
const (
	OwnRank       ExtraKind = iota // the experts on the token's own rank
	OwnNode                        // the experts on its node
	AllExperts                     // every expert
	ListedExperts                  // the listed ones
)

// Validate reports every fault of the configuration.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("capacity: "+format, args...))
	}
	for _, f := range []struct {
		name   string
		factor Factor
	}{{"expert", c.Expert}, {"rank", c.Rank}, {"node", c.Node}} {
		if gamma, set := f.factor.Gamma(); set && !(gamma > 0 && gamma <= math.MaxInt32) {
			fault("%s capacity factor %v, want more than 0, at most %d", f.name, gamma, math.MaxInt32)
		}
	}
	if c.Rounds < 0 {
		fault("reroute rounds %d, want 0 (until nobody is refused) or more", c.Rounds)
	}
	if !(c.Floor >= 0 && c.Floor <= 1) {
		fault("reroute floor %v, want 0 to 1", c.Floor)
	}
	if c.MinCapacity < 0 || c.MinCapacity > MaxTokens {
		fault("min capacity %d, want 0 to %d, the most tokens of a step", c.MinCapacity, MaxTokens)
	}
	if c.Policy != Dropless && !c.bounded() {
		fault("policy %s needs a capacity factor", c.Policy)
	}
	if c.Policy == Reroute && c.Order != Probs {
		fault("policy reroute orders by probs, not %s", c.Order)
	}
	if c.Policy == Expanded && c.Order != Probs {
		fault("policy expanded orders by probs, not %s", c.Order)
	}
	for i, e := range c.Extra.Experts {
		if slices.Contains(c.Extra.Experts[:i], e) {
			fault("expanded expert %d is listed twice", e)
		}
	}
	return errors.Join(faults...)
}

// fits reports listed experts that a model of E experts does not have.
func (x Extra) fits(experts int) error {
	for _, e := range x.Experts {
		if e < 0 || e >= experts {
			return fmt.Errorf("capacity: expanded expert %d, want 0 to %d", e, experts-1)
		}
	}
	return nil
}

func (c Config) bounded() bool { return c.Expert.set || c.Rank.set || c.Node.set }
