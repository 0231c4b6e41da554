//go:build noonednn || !cgo

package kernel

// New returns the default library of this build, which is the portable one.
func New(opts Options) (Library, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	return newGonum(opts), nil
}
