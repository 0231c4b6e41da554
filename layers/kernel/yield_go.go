//go:build noonednn || !cgo

package kernel

// yield has nothing to do where threads compute in Go.
func yield() {}
