package capacity

import "math"

// Key orders the pairs of one expert: the larger key is the better pair. It holds,
// from the highest bits down, the priority class (8 bits), the score's bits as a
// monotone integer (32 bits) and the token id (24 bits, inverted where the lower id
// is the better one), so that no two tokens share a key and 8 bytes carry a pair.
type Key uint64

const (
	tokenBits = 24
	tokenMask = 1<<tokenBits - 1

	// MaxTokens is the largest number of tokens in one step.
	MaxTokens = 1 << tokenBits
)

// makeKey packs a pair's place in the order. tie is below 1<<24; larger is better.
func makeKey(class uint8, order, tie uint32) Key {
	return Key(class)<<56 | Key(order)<<tokenBits | Key(tie)
}

// orderedBits maps a float32 to an integer with the same order; -0 counts as +0.
func orderedBits(score float32) uint32 {
	bits := math.Float32bits(score + 0)
	if bits == 1<<31 {
		bits = 0
	}
	if bits>>31 == 1 {
		return ^bits
	}
	return bits | 1<<31
}

// keyer makes the keys of one step under one order.
type keyer struct {
	order Order
	seed  uint64 // Order random: the run's seed mixed with the layer
}

func newKeyer(order Order, seed uint64, layer int) keyer {
	return keyer{order: order, seed: mix(seed ^ mix(uint64(layer)+1))}
}

// key is the place of token (global id) among the candidates of expert.
func (k keyer) key(class uint8, score float32, token, expert int32) Key {
	lowestFirst := uint32(^token) & tokenMask
	switch k.order {
	case Position:
		return makeKey(class, 0, lowestFirst)
	case Last:
		return makeKey(class, 0, uint32(token))
	case Random:
		return makeKey(class, uint32(mix(k.seed^uint64(token)<<32^uint64(expert))), lowestFirst)
	default:
		return makeKey(class, orderedBits(score), lowestFirst)
	}
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
