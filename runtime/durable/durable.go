// Package durable writes files that a kill or a full disk cannot spoil: File is whole or
// not there, never half a file under the final name; Lines grows by lines that stay.
//
//	durable.go  File
//	lines.go    Lines
package durable

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// File is a file that is not there yet: a hidden one in the same folder, which takes
// its name when it is whole and on disk. A kill leaves the hidden file, .NAME.*.tmp,
// behind. A path that names a device or a pipe is written as it is.
type File struct {
	*os.File
	path   string
	device bool
	done   bool
}

// Create starts a file that will be at path, in place of the regular file that may be
// there.
func Create(path string) (*File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, errors.New("is a directory")
	} else if err == nil && !info.Mode().IsRegular() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &File{File: file, path: path, device: true}, err
	}
	dir, name := filepath.Split(path)
	hidden := dir + fmt.Sprintf(".%s.%016x.tmp", name, rand.Uint64()) // not Join: where a part is a link, .. leads elsewhere
	file, err := os.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &File{File: file, path: path}, nil
}

// Commit brings the bytes to disk, then gives them their name.
func (f *File) Commit() error {
	if f.device {
		f.done = true
		return f.Close()
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.done = true
	return nil
}

// Discard removes the hidden file, unless it was committed or discarded. A nil File
// has none.
func (f *File) Discard() {
	if f == nil || f.done {
		return
	}
	f.done = true
	f.Close()
	if !f.device {
		os.Remove(f.Name())
	}
}

// Path is the name that the file will have.
func (f *File) Path() string { return f.path }
