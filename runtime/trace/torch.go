package trace

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
)

// readTorch reads the counts of SGLang's recorder in mode stat, as torch.save writes
// them: a zip archive of NAME/data.pkl and the tensors' bytes, NAME/data/0 and so on.
func readTorch(path string) ([]*Loads, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return parseTorch(file, info.Size())
}

func parseTorch(file io.ReaderAt, size int64) ([]*Loads, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, fmt.Errorf("not a file of torch.save: %w", err)
	}
	text, err := torchEntry(archive, "data.pkl")
	if err != nil {
		return nil, err
	}
	value, err := unpickle(text)
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	dict, _ := value.(map[string]any)
	tensor, there := dict["logical_count"].(pickledCall)
	if !there {
		return nil, fmt.Errorf("data.pkl holds no tensor \"logical_count\", as the mode stat writes it")
	}
	counts, err := torchCounts(archive, tensor)
	if err != nil {
		return nil, fmt.Errorf("tensor \"logical_count\": %w", err)
	}
	return sglangLoads(counts)
}

// torchEntry reads an entry of the archive by the end of its name.
func torchEntry(archive *zip.Reader, name string) ([]byte, error) {
	for _, entry := range archive.File {
		if !strings.HasSuffix(entry.Name, "/"+name) {
			continue
		}
		if entry.UncompressedSize64 > maxBody {
			return nil, fmt.Errorf("entry %s has %d bytes, want at most %d", entry.Name, entry.UncompressedSize64, maxBody)
		}
		r, err := entry.Open()
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", entry.Name, err)
		}
		defer r.Close()
		data, err := io.ReadAll(io.LimitReader(r, maxBody))
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", entry.Name, err)
		}
		return data, nil
	}
	return nil, fmt.Errorf("no entry %s among %d", name, len(archive.File))
}

// torchCounts reads a tensor [steps, layers, E] or [layers, E] of integers and adds its
// steps up. A call is torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, …),
// a storage ("storage", type, entry, device, elements).
func torchCounts(archive *zip.Reader, tensor pickledCall) ([][]int64, error) {
	args, _ := tensor.args.([]any)
	const rebuild = "torch._utils._rebuild_tensor_v2"
	if what, _ := tensor.what.(pickledName); what != rebuild || len(args) < 4 {
		return nil, fmt.Errorf("made by %q of %d arguments, want %s of 4 or more", what, len(args), rebuild)
	}
	ref, _ := args[0].(pickledRef)
	storage, _ := ref.of.([]any)
	offset, whole := args[1].(int64)
	shape, ok := integers(args[2])
	strides, ok2 := integers(args[3])
	if len(storage) < 3 || !whole || !ok || !ok2 || len(shape) != len(strides) || len(shape) < 2 || len(shape) > 3 {
		return nil, fmt.Errorf("storage of %d fields, shape %v, strides %v, want [layers, E] or [steps, layers, E]", len(storage), shape, strides)
	}
	dtype, _ := storage[1].(pickledName)
	size := map[pickledName]int64{"torch.IntStorage": 4, "torch.LongStorage": 8}[dtype]
	if size == 0 {
		return nil, fmt.Errorf("type %q, want torch.IntStorage or torch.LongStorage", dtype)
	}
	entry, _ := storage[2].(string)
	data, err := torchEntry(archive, "data/"+entry)
	if err != nil {
		return nil, err
	}
	if len(shape) == 2 {
		shape, strides = append([]int64{1}, shape...), append([]int64{0}, strides...)
	}
	last := offset
	for i, n := range shape {
		if n < 1 || n > maxCounts || strides[i] < 0 || strides[i] > maxBody {
			return nil, fmt.Errorf("shape %v, strides %v, want 1 to %d and 0 or more", shape, strides, maxCounts)
		}
		last += (n - 1) * strides[i]
	}
	if offset < 0 || offset > maxBody || last >= int64(len(data))/size || shape[1]*shape[2] > maxCounts || shape[0] > maxBody/(shape[1]*shape[2]) {
		return nil, fmt.Errorf("shape %v from element %d, its storage has %d elements", shape, offset, int64(len(data))/size)
	}
	counts := make([][]int64, shape[1])
	for l := range counts {
		counts[l] = make([]int64, shape[2])
		for e := range counts[l] {
			for s := range shape[0] {
				at := size * (offset + s*strides[0] + int64(l)*strides[1] + int64(e)*strides[2])
				n := int64(0)
				if size == 4 {
					n = int64(int32(binary.LittleEndian.Uint32(data[at:])))
				} else {
					n = int64(binary.LittleEndian.Uint64(data[at:]))
				}
				if err := addCount(&counts[l][e], n); err != nil {
					return nil, fmt.Errorf("step %d, layer %d, expert %d: %w", s, l, e, err)
				}
			}
		}
	}
	return counts, nil
}

// integers reads a tuple of integers.
func integers(v any) ([]int64, bool) {
	items, ok := v.([]any)
	values := make([]int64, len(items))
	for i, item := range items {
		n, whole := item.(int64)
		if !whole {
			return nil, false
		}
		values[i] = n
	}
	return values, ok
}
