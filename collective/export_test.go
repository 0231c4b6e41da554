package collective

// InMessagesOf is o with MPI messages of so many bytes at most, a multiple of 8. It
// stands in for blocks of more than 2³⁰ bytes, which are split alike.
func (o Options) InMessagesOf(bytes int) Options {
	o.chunk = bytes
	return o
}
