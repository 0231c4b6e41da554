package collective

import "time"

// InMessagesOf is o with MPI messages of so many bytes at most, a multiple of 8. It
// stands in for blocks of more than 2³⁰ bytes, which are split alike.
func (o Options) InMessagesOf(bytes int) Options {
	o.chunk = bytes
	return o
}

// Apart is o for ranks that share no memory. It stands in for ranks on several nodes.
func (o Options) Apart() Options {
	o.apart = true
	return o
}

// OnLeash lets MPI's own calls take so long.
func (o Options) OnLeash(leash time.Duration) Options {
	o.leash = leash
	return o
}
