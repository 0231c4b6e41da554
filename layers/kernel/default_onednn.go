//go:build cgo && !noonednn

package kernel

// New returns the default library of this build, which is oneDNN. The error is oneDNN's own, or a fault of opts.
func New(opts Options) (Library, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	lib, err := newOneDNN(opts)
	if err != nil {
		return nil, err
	}
	lib.usePanels()
	return lib, nil
}
