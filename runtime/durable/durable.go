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
	"syscall"
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
// there. A link at path stays, and leads to the file.
func Create(path string) (*File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, errors.New("is a directory")
	} else if err == nil && !info.Mode().IsRegular() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &File{File: file, path: path, device: true}, err
	} else if err == nil && isStandard(info) {
		return nil, errStandard
	}
	path, err := behindLinks(path)
	if err != nil {
		return nil, err
	}
	dir, name := filepath.Split(path)
	hidden := dir + fmt.Sprintf(".%s.%016x.tmp", name, rand.Uint64()) // not Join: where a part is a link, .. leads elsewhere
	file, err := os.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &File{File: file, path: path}, nil
}

// errStandard is the error for a regular file that standard output or standard error goes to: it would take the place of
// what is written there, or that its.
var errStandard = errors.New("standard output, or standard error, goes to this file: want another one")

func isStandard(info os.FileInfo) bool {
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if other, err := f.Stat(); err == nil && os.SameFile(info, other) {
			return true
		}
	}
	return false
}

// maxLinks is how many links the system follows, too.
const maxLinks = 40

// behindLinks is where the links at path lead, be a file there or not.
func behindLinks(path string) (string, error) {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil // no link
		}
		if !filepath.IsAbs(to) {
			dir, _ := filepath.Split(path)
			to = dir + to // not Join, as in Create
		}
		path = to
	}
	return "", &os.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
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
