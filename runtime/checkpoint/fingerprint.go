package checkpoint

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
)

// What a fingerprint is made of beside the names: bytes of the middle of at most so many tensors.
const (
	sampledTensors = 1024
	sampledBytes   = 64
)

// Fingerprint is short and tells the model of folder dir from others, in other folders or in this one at another time: a
// hash of config.json, of the names of all tensors, and of types, shapes and some values of tensors evenly spread over
// them. It reads no more than that. Models that differ in a few values only may have the same.
func Fingerprint(dir string) (string, error) {
	h := fnv.New32a()
	path := filepath.Join(dir, configName)
	config, err := os.ReadFile(path)
	if err != nil {
		return "", fileError(path, err)
	}
	h.Write(config)
	s, err := Open(dir)
	if err != nil {
		return "", err
	}
	defer s.Close()
	names := s.Names()
	fmt.Fprintf(h, "%q", names)
	step := (len(names) + sampledTensors - 1) / sampledTensors
	for i := 0; i < len(names); i += step {
		t, err := s.Tensor(names[i])
		if err != nil {
			return "", err
		}
		fmt.Fprint(h, t.DType, t.Shape)
		middle := t.Data[len(t.Data)/2:]
		h.Write(middle[:min(sampledBytes, len(middle))])
	}
	return fmt.Sprintf("%08x", h.Sum32()), nil
}
