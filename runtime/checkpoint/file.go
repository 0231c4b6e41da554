package checkpoint

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// File is one safetensors file, mapped into memory: a page is read from disk
// when a tensor on it is read. Any number of goroutines may use it until Close.
type File struct {
	path     string
	raw      []byte // the whole file
	metadata map[string]string
	tensors  map[string]Tensor
}

// OpenFile maps a file and checks what its header says against its size, so
// that no tensor reaches past the end of the file as it is now. A file that
// shrinks while it is mapped kills the process with SIGBUS: replace a
// checkpoint by renaming a new file over it, as Writer does, never in place.
func OpenFile(path string) (*File, error) {
	raw, err := mapFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	f, err := parse(path, raw)
	if err != nil {
		unmap(raw)
		return nil, err
	}
	return f, nil
}

// parse makes a File of the bytes of a whole file.
func parse(path string, raw []byte) (*File, error) {
	if len(raw) < lengthSize {
		return nil, &Error{File: path, Err: fmt.Errorf("%d bytes, a safetensors file has at least %d", len(raw), lengthSize)}
	}
	length, rest := binary.LittleEndian.Uint64(raw), raw[lengthSize:]
	if length > maxHeader {
		return nil, &Error{File: path, Err: fmt.Errorf("header length %d exceeds the limit of %d bytes (not a safetensors file?)", length, maxHeader)}
	}
	if length > uint64(len(rest)) {
		return nil, &Error{File: path, Err: fmt.Errorf("header length %d exceeds the %d bytes that follow it (file truncated?)", length, len(rest))}
	}
	data := rest[length:]
	h, err := parseHeader(path, rest[:length], len(data))
	if err != nil {
		return nil, err
	}
	f := &File{path: path, raw: raw, metadata: h.metadata, tensors: make(map[string]Tensor, len(h.entries))}
	for _, e := range h.entries {
		f.tensors[e.name] = Tensor{
			Name: e.name, File: path, DType: e.dtype, Shape: e.shape, Data: data[e.begin:e.end:e.end],
		}
	}
	return f, nil
}

// Names lists the tensors, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

// Tensor returns the tensor of that name, and whether there is one.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Metadata is the free text that came with the file, nil if none did.
func (f *File) Metadata() map[string]string { return f.metadata }

// Close gives the mapping back. No tensor of the file may be read afterwards.
// Closing again does nothing.
func (f *File) Close() error {
	raw := f.raw
	f.raw, f.tensors = nil, nil
	if err := unmap(raw); err != nil {
		return fileError(f.path, err)
	}
	return nil
}

// mapFile maps a regular file for reading. An empty file has no mapping.
func mapFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (type %v)", info.Mode().Type())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil || info.Size() == 0 {
		return nil, err
	}
	raw, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d bytes: %w", info.Size(), err)
	}
	return raw, nil
}

// unmap undoes mapFile.
func unmap(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	if err := unix.Munmap(raw); err != nil {
		return fmt.Errorf("munmap of %d bytes: %w", len(raw), err)
	}
	return nil
}
