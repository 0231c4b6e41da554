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

// scoreOrder maps a float32 to an integer with the same order; -0 counts as +0.
func scoreOrder(score float32) int32 {
	bits := int32(math.Float32bits(score + 0))
	return bits ^ int32(uint32(bits>>31)>>1)
}

// scoreKey is the key of a pair under an order by score or weight.
func scoreKey(class uint8, order int32, token int32) Key {
	return makeKey(class, uint32(order)^1<<31, uint32(^token)&tokenMask)
}

// scoreOrder is the order of the score that a Key under Order Probs was made of.
func (k Key) scoreOrder() int32 { return int32(uint32(k>>tokenBits) ^ 1<<31) }

// keyer makes the keys of one step under one order.
type keyer struct {
	order Order
	seed  uint64 // Order random: the run's seed mixed with the layer
	rank  int32  // Order arrival: the source of the tokens
}

func newKeyer(order Order, seed uint64, layer, rank int) keyer {
	return keyer{order: order, seed: mix(seed ^ mix(uint64(layer)+1)), rank: int32(rank)}
}

// offer is what such an order may look at in a pair.
type offer struct {
	class  uint8
	token  int32 // global id
	expert int32
	choice int32 // 0 for the token's first choice
	place  int32 // of the token among its rank's
}

// key is the place of an offer among the candidates of its expert, under an order that
// does not look at scores.
func (k keyer) key(o offer) Key {
	class, token, expert := o.class, o.token, o.expert
	lowestFirst := uint32(^token) & tokenMask
	switch k.order {
	case Position:
		return makeKey(class, 0, lowestFirst)
	case Last:
		return makeKey(class, 0, uint32(token))
	case Random:
		return makeKey(class, uint32(mix(k.seed^uint64(token)<<32^uint64(expert))), lowestFirst)
	case Choices:
		return makeKey(class, ^uint32(o.choice), lowestFirst)
	case Arrival:
		return makeKey(class, ^uint32(k.rank), uint32(^o.place)&tokenMask)
	default:
		panic("capacity: an order by score has no other key")
	}
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
