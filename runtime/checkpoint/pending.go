package checkpoint

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// pendingFile is a file that is not there yet: a hidden one in the same folder,
// which takes its name when it is whole and on disk. A kill leaves the hidden
// file, .NAME.*.tmp, behind.
type pendingFile struct {
	*os.File
	path string
	done bool
}

// createPending starts a file that will be at path, in place of the regular
// file that may be there.
func createPending(path string) (*pendingFile, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (type %v)", info.Mode().Type())
	}
	dir, name := filepath.Split(path)
	hidden := filepath.Join(dir, fmt.Sprintf(".%s.%016x.tmp", name, rand.Uint64()))
	file, err := os.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &pendingFile{File: file, path: path}, nil
}

// commit brings the bytes to disk, then gives them their name.
func (p *pendingFile) commit() error {
	if err := p.Sync(); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	if err := os.Rename(p.Name(), p.path); err != nil {
		return err
	}
	p.done = true
	return nil
}

// discard removes the hidden file, unless it was committed or discarded.
func (p *pendingFile) discard() {
	if p.done {
		return
	}
	p.done = true
	p.Close()
	os.Remove(p.Name())
}
