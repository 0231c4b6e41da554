package collective

import "os"

// Alone makes a world of this process alone, without MPI. It knows of no other ranks,
// whatever has started it.
func Alone(opts Options) (*World, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	comm := newLocalComm(newLocalGroup(newLocalWorld(1, opts), identity(1)), 0)
	return &World{
		comm:  comm,
		hosts: []string{host},
		abort: os.Exit,
		close: func() error { return nil },
	}, nil
}
