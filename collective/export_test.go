package collective

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
