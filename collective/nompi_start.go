//go:build !cgo || nompi

package collective

// Start is Alone: the program is built without MPI (-tags nompi).
func Start(opts Options) (*World, error) { return Alone(opts) }

// Version says that there is no MPI library.
func Version() string { return "none" }
